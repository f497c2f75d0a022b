"""Looking up keys goes through an index, however many there are: with a million accounts a scan is an outage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from storage.companies.account_keys import address_key, domain_key, vat_id_key
from storage.store import Store
from storage.tables.base import Base
from storage.transaction import Transaction
from tests import making

KEYS = [
    address_key("a@b.example"),
    address_key("c@d.example"),
    vat_id_key("DE123456788"),
    domain_key("x.example"),
]


def _alike(records: Transaction) -> None:
    records.invoices._alike(
        [
            making.invoice(mail_id="m", account_id=account_id, same_invoice=digest)
            for account_id in "ab"
            for digest in (b"1", b"2")
        ]
    )


@pytest.mark.parametrize(
    "look_up",
    [
        lambda records: records.accounts.owners(KEYS),
        lambda records: records.partners.owners(KEYS),
        lambda records: records.memberships.accounts_of_addresses(["a@b.example", "c@d.example"]),
        lambda records: records.invoices.with_numbers([("a", "R-1"), ("b", "R-2")]),
        _alike,
    ],
    ids=["accounts", "partners", "users", "same-number", "same-invoice"],
)
def test_no_table_is_read_as_a_whole(tmp_path: Path, look_up: Callable[[Transaction], object]) -> None:
    """SQLite once did so for every mail that named more than one identifier."""
    store = Store.open(f"sqlite:///{tmp_path / 'invoices.db'}")
    asked: list[tuple[str, Any]] = []
    event.listen(
        store._engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, values, *_: asked.append((statement, values)),
    )

    with store.reading() as records:
        look_up(records)
        selects = [one for one in asked if one[0].startswith("SELECT")]
    with store._reading() as connection:
        steps = [
            row[3]
            for statement, values in selects
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    store.close()

    assert selects
    assert [
        step for step in steps if step.startswith("SCAN") and step.split()[1] in Base.metadata.tables
    ] == []
