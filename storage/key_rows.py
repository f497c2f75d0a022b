"""Finds rows by kind and value, so that either database goes through the primary key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import InstrumentedAttribute

from storage.account_keys import AccountKey, KeyKind
from storage.chunks import chunks


def owners_of(
    connection: Connection,
    kind: InstrumentedAttribute[str],
    value: InstrumentedAttribute[str],
    owner: InstrumentedAttribute[str],
    keys: Iterable[AccountKey],
) -> dict[AccountKey, str]:
    """Whose these keys are, by key, as far as they are anybody's."""
    return {
        AccountKey(KeyKind(found), of): owner_id
        for some in chunks((str(key.kind), key.value) for key in keys)
        for found, of, owner_id in connection.execute(
            select(kind, value, owner).where(any_of(kind, value, some))
        )
    }


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
