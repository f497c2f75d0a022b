"""Says to whom keys belong, found by kind and value."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import InstrumentedAttribute

from storage.companies.account_keys import AccountKey, KeyKind
from storage.database.chunks import chunks
from storage.database.looking_up import any_of


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
