"""Which invoices of a company will be deleted before an instant; found by an index, however large its inbox is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from storage.expiring.expired_statements import AVAILABLE, INVOICE_HELD
from storage.records.invoices import Environment
from storage.tables.invoices import InvoiceRow


def expiring(account_id: str, until: datetime) -> Select[Any]:
    """The ids of productive ones that nobody holds, the first to go first; tests go without a word."""
    return (
        select(InvoiceRow.id)
        .where(AVAILABLE, InvoiceRow.account_id == account_id, InvoiceRow.expires_at <= until, ~INVOICE_HELD)
        .where(InvoiceRow.environment == Environment.PRODUCTIVE)
        .order_by(InvoiceRow.expires_at, InvoiceRow.id)
    )
