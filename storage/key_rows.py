"""The condition that finds rows by kind and value, so that either database goes through the primary key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute


def any_of(
    kind: InstrumentedAttribute[str],
    value: InstrumentedAttribute[str] | InstrumentedAttribute[str | None],
    pairs: Iterable[tuple[str, str]],
) -> ColumnElement[bool]:
    """Rows with one of these pairs; there must be one.

    Not `(kind, value) IN (...)`: for more than one pair SQLite reads the whole table.
    """
    values: dict[str, list[str]] = defaultdict(list)
    for one, other in sorted(set(pairs)):
        values[one].append(other)
    return or_(*(and_(kind == one, value.in_(others)) for one, others in values.items()))
