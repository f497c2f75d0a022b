"""A batch of retention costs what is in it, however much else is due."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Select

from storage.database.straight import _prepared
from storage.expiring.expired_statements import (
    DUE_INVOICES,
    DUE_INVOICES_BEHIND,
    DUE_MAILS,
    DUE_MAILS_BEHIND,
    ENDED_MAILS,
)
from storage.store import Store

VALUES = {"now": datetime(2026, 1, 1, tzinfo=UTC), "most": 200}
BEHIND = VALUES | {"after_at": datetime(2025, 1, 1, tzinfo=UTC), "after_id": "0"}


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (DUE_INVOICES, VALUES),
        (DUE_INVOICES_BEHIND, BEHIND),
        (DUE_MAILS, VALUES),
        (DUE_MAILS_BEHIND, BEHIND),
        (ENDED_MAILS, VALUES),
    ],
    ids=["invoices", "more-invoices", "mails", "more-mails", "tombstones"],
)
def test_postgresql_does_not_join_everything_that_is_due(
    postgres_url: str, query: Select[Any], values: dict[str, Any]
) -> None:
    """With 100,000 mails due it joined all of them with all invoices to find the next 200: a second for each batch, and
    ten for ten times as many. No statistics were right, for the invoices of these mails had been deleted just before.
    """
    store = Store.open(postgres_url)
    with store._reading() as connection:
        prepared = _prepared(query, connection.dialect, ())
        plan = connection.exec_driver_sql(f"EXPLAIN {prepared.sql}", prepared.bound(values)).scalars().all()
    store.close()

    assert [step.strip() for step in plan if "Join" in step] == []
    assert any("SubPlan" in step for step in plan)
