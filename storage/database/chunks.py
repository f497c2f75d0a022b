"""Cuts long lists of ids, since a statement takes only so many parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

AT_ONCE = 1000  # SQLite takes 32,766 parameters, PostgreSQL 65,535


_Id = TypeVar("_Id")


def chunks(ids: Iterable[_Id]) -> Iterator[list[_Id]]:
    """The ids in lists of at most AT_ONCE."""
    left = iter(ids)
    while chunk := list(islice(left, AT_ONCE)):
        yield chunk
