"""Invoices that somebody has to look at before they count: held in sight of their company, or withheld from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, text, update
from sqlalchemy.engine import Connection

from storage.database.chunks import chunks
from storage.outgoing.outbox import Outbox
from storage.outgoing.webhook_deliveries import WebhookDeliveries
from storage.records.companies import Approval, SecondLook
from storage.records.invoices import Invoice
from storage.records.people import MembershipState
from storage.records.webhooks import WebhookEvent
from storage.tables.base import table_of
from storage.tables.invoices import InboxEntryRow, InvoiceRow
from storage.tables.partners import SecondLookRow
from storage.tables.people import MembershipRow

PEOPLE = 2  # of a company, who have to find an invoice right
# Written out, for with bound values SQLite cannot know that the partial index holds these rows.
IN_QUESTION = text("inbox_entry.second_look IN ('waiting', 'withheld', 'rejected')")


_PUT = update(table_of(InboxEntryRow)).where(
    InboxEntryRow.account_id == bindparam("of_account"), InboxEntryRow.invoice_id == bindparam("of_invoice")
)


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
        self.put_all([(invoice, look)])

    def put_all(self, looks: Sequence[tuple[Invoice, SecondLook | None]]) -> None:
        """The same of some invoices."""
        if looks:
            self._connection.execute(
                _PUT,
                [
                    {"of_account": invoice.account_id, "of_invoice": invoice.id, "second_look": look}
                    for invoice, look in looks
                ],
            )

    def approval(self, invoice_id: str) -> Approval | None:
        """What the first of two people said of an invoice."""
        row = self._connection.execute(
            select(SecondLookRow.__table__).where(SecondLookRow.invoice_id == invoice_id)
        ).one_or_none()
        return Approval(by=row.approved_by, at=row.approved_at) if row else None

    def approve(self, invoice_id: str, by: str, at: datetime) -> None:
        """Notes what the first of two people said. Raises Conflict when somebody was quicker."""
        self._connection.execute(
            insert(SecondLookRow).values(invoice_id=invoice_id, approved_by=by, approved_at=at)
        )

    def forget_approval(self, invoice_id: str) -> None:
        """Nobody has said anything."""
        self._connection.execute(delete(SecondLookRow).where(SecondLookRow.invoice_id == invoice_id))

    def count_waiting(self, account_id: str) -> int:
        """How many invoices of a company wait for a second look of its people."""
        query = select(func.count()).select_from(InboxEntryRow)
        return (
            self._connection.scalar(
                query.where(
                    IN_QUESTION,
                    InboxEntryRow.account_id == account_id,
                    InboxEntryRow.second_look == SecondLook.WAITING,
                )
            )
            or 0
        )

    def stuck(self, limit: int) -> list[str]:
        """Ids of invoices that only an operator can let go: withheld ones, and those of companies without two people.

        The oldest first.
        """
        people = (
            select(func.count())
            .select_from(MembershipRow)
            .where(
                MembershipRow.account_id == InboxEntryRow.account_id,
                MembershipRow.state == MembershipState.ACTIVE,
            )
            .scalar_subquery()
        )
        alone = and_(InboxEntryRow.second_look == SecondLook.WAITING, people < PEOPLE)
        query = select(InboxEntryRow.invoice_id).where(
            IN_QUESTION, or_(InboxEntryRow.second_look == SecondLook.WITHHELD, alone)
        )
        return list(self._connection.scalars(query.order_by(InboxEntryRow.invoice_id).limit(limit)))

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
