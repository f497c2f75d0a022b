"""Asks in the way in which either database goes through an index, and reads no more rows than it must."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import ColumnElement, TextClause, and_, literal_column, or_, select
from sqlalchemy.orm import InstrumentedAttribute


def looked_up(*conditions: ColumnElement[bool] | TextClause) -> ColumnElement[bool]:
    """Whether a row meets these conditions, of which one names a column of the query around.

    PostgreSQL would make a join of a plain EXISTS. Of mails whose invoices are deleted it expects next to none, so
    it joins everything that is due to find the few of a batch, and again for the next one. OFFSET keeps it from that.
    """
    none: ColumnElement[int] = literal_column("0")
    return select(literal_column("1")).where(*conditions).offset(none).exists()


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
