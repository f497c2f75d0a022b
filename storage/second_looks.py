"""Invoices that somebody has to look at before they count: held in sight of their company, or withheld from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.engine import Connection

from storage.chunks import chunks
from storage.outbox import Outbox
from storage.records.companies import SecondLook
from storage.records.invoices import Invoice
from storage.records.webhooks import WebhookEvent
from storage.tables import InboxEntryRow, InvoiceRow
from storage.webhook_deliveries import WebhookDeliveries


class SecondLooks:
    """What is noted of it in the inboxes, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, invoice_ids: Iterable[str]) -> Mapping[str, SecondLook]:
        """Where these invoices stand, by id; those without any second look are left out."""
        of_invoice = and_(
            InboxEntryRow.account_id == InvoiceRow.account_id, InboxEntryRow.invoice_id == InvoiceRow.id
        )
        query = (
            select(InboxEntryRow.invoice_id, InboxEntryRow.second_look)
            .select_from(InvoiceRow)
            .join(InboxEntryRow, of_invoice)
            .where(InboxEntryRow.second_look.is_not(None))
        )
        return {
            row.invoice_id: SecondLook(row.second_look)
            for chunk in chunks(invoice_ids)
            for row in self._connection.execute(query.where(InvoiceRow.id.in_(chunk)))
        }

    def put(self, invoice: Invoice, look: SecondLook | None) -> None:
        """Notes where an invoice stands; None: nobody has to look."""
        self._connection.execute(update(InboxEntryRow).where(_entry_of(invoice)).values(second_look=look))

    def release_notices(self, invoices: Iterable[Invoice], now: datetime) -> None:
        """Lets the mails about invoices go that nobody has to look at any more, if nothing else holds them.

        Programs are told of those that their company did not see before.
        """
        outbox = Outbox(self._connection)
        invoices = list(invoices)
        WebhookDeliveries(self._connection).tell(
            WebhookEvent.RECEIVED, [invoice.id for invoice in invoices], now, once=True
        )
        if outbox.held_subjects({invoice.account_id for invoice in invoices}):
            return
        outbox.release([mail.id for invoice in invoices for mail in outbox.of_invoice(invoice.id)], now)


def _entry_of(invoice: Invoice) -> ColumnElement[bool]:
    return and_(InboxEntryRow.account_id == invoice.account_id, InboxEntryRow.invoice_id == invoice.id)
