"""Warnings about the senders of invoices; they come after the invoice is on record, and go with its content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection

from storage.chunks import chunks
from storage.records.invoices import Invoice
from storage.records.partners import SenderWarning
from storage.tables.invoices import InboxEntryRow
from storage.tables.partners import SenderWarningRow


class SenderWarnings:
    """The table of warnings within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, invoice: Invoice, warnings: Sequence[SenderWarning], *, at: datetime) -> None:
        """What holds now, instead of what held before."""
        invoice_id = invoice.id
        before = self._connection.execute(
            delete(SenderWarningRow).where(SenderWarningRow.invoice_id == invoice_id)
        ).rowcount
        if before != len(warnings):  # the inbox shows their number
            self._connection.execute(
                update(InboxEntryRow)
                .where(InboxEntryRow.account_id == invoice.account_id, InboxEntryRow.invoice_id == invoice_id)
                .values(warnings=InboxEntryRow.warnings + len(warnings) - before)
            )
        if warnings:
            self._connection.execute(
                insert(SenderWarningRow),
                [
                    {
                        "invoice_id": invoice_id,
                        "code": one.code,
                        "position": position,
                        "text": one.text,
                        "evidence": one.evidence,
                        "at": at,
                    }
                    for position, one in enumerate(warnings)
                ],
            )

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
