"""Cuts long lists of ids, since a statement takes only so many parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

AT_ONCE = 1000  # SQLite takes 32,766 parameters, PostgreSQL 65,535


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids in lists of at most AT_ONCE."""
    left = iter(ids)
    while chunk := list(islice(left, AT_ONCE)):
        yield chunk
