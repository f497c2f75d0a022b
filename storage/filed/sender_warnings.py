"""Warnings about the senders of invoices; they come after the invoice is on record, and go with its content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Integer, bindparam, delete, func, select, update
from sqlalchemy.engine import Connection

from storage.database.chunks import chunks
from storage.database.many_rows import insert_rows
from storage.records.invoices import Invoice
from storage.records.partners import SenderWarning
from storage.tables.base import table_of
from storage.tables.invoices import InboxEntryRow
from storage.tables.partners import SenderWarningRow

_MORE_WARNINGS = (
    update(table_of(InboxEntryRow))
    .where(
        InboxEntryRow.account_id == bindparam("of_account"),
        InboxEntryRow.invoice_id == bindparam("of_invoice"),
    )
    .values(warnings=InboxEntryRow.warnings + bindparam("more", type_=Integer()))
)


class SenderWarnings:
    """The table of warnings within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, found: Sequence[tuple[Invoice, Sequence[SenderWarning]]], *, at: datetime) -> None:
        """What holds of some invoices now, instead of what held before."""
        if not found:
            return
        before = self._counts([invoice.id for invoice, _ in found])
        for chunk in chunks(before):
            self._connection.execute(delete(SenderWarningRow).where(SenderWarningRow.invoice_id.in_(chunk)))
        changes = [
            {"of_account": invoice.account_id, "of_invoice": invoice.id, "more": more}
            for invoice, warnings in found
            if (more := len(warnings) - before.get(invoice.id, 0))
        ]
        if changes:  # the inbox shows their number
            self._connection.execute(_MORE_WARNINGS, changes)
        rows = [
            {
                "invoice_id": invoice.id,
                "code": one.code,
                "position": position,
                "text": one.text,
                "evidence": one.evidence,
                "at": at,
            }
            for invoice, warnings in found
            for position, one in enumerate(warnings)
        ]
        insert_rows(self._connection, table_of(SenderWarningRow), rows)

    def _counts(self, invoice_ids: Iterable[str]) -> dict[str, int]:
        query = select(SenderWarningRow.invoice_id, func.count()).group_by(SenderWarningRow.invoice_id)
        return {
            invoice_id: number
            for chunk in chunks(invoice_ids)
            for invoice_id, number in self._connection.execute(
                query.where(SenderWarningRow.invoice_id.in_(chunk))
            )
        }

    def of(self, invoice_ids: Iterable[str]) -> dict[str, list[SenderWarning]]:
        """The warnings of some invoices, by id; an invoice without any is left out."""
        found: dict[str, list[SenderWarning]] = defaultdict(list)
        query = select(SenderWarningRow.__table__).order_by(SenderWarningRow.position)
        for chunk in chunks(invoice_ids):
            for row in self._connection.execute(query.where(SenderWarningRow.invoice_id.in_(chunk))):
                found[row.invoice_id].append(
                    SenderWarning(code=row.code, text=row.text, evidence=row.evidence)
                )
        return dict(found)
