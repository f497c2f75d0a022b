"""Puts mails and what people did with their invoices on record that come from another mailbox, as they were there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, insert, or_, select, update
from sqlalchemy.engine import Connection

from storage import codec
from storage.errors import NotFound
from storage.filed import tally
from storage.filed.inbox import handling_of
from storage.filed.inbox_query import Handling
from storage.filed.tally import Tally
from storage.queue.copied_rows import row_sized
from storage.records.invoices import Invoice
from storage.records.mails import ContentInMemory, MailState, ReceivedMail
from storage.tables.base import table_of
from storage.tables.invoices import InboxEntryRow
from storage.tables.mails import MailOctetsRow, ReceivedMailRow


class Imports:
    """What an import writes that nothing else does, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def mail_on_record(self, mail_id: str, transfer_digest: bytes, *, locked: bool = False) -> str | None:
        """The id of the mail that is this one, by its id or by its transfer.

        `locked`: nobody deletes it before this transaction ends.
        """
        query = select(ReceivedMailRow.id).where(
            or_(ReceivedMailRow.id == mail_id, ReceivedMailRow.transfer_digest == transfer_digest)
        )
        found = set(self._connection.scalars(query.with_for_update() if locked else query))
        return mail_id if mail_id in found else next(iter(found), None)

    def transfer_digest(self, mail_id: str) -> bytes | None:
        """By which a repeated transfer of a mail is known; None for a mail that is not on record."""
        query = select(ReceivedMailRow.transfer_digest).where(ReceivedMailRow.id == mail_id)
        return self._connection.scalar(query)

    def add_mail(
        self,
        mail: ReceivedMail,
        *,
        trace: bytes,
        octets: bytes,
        transfer_digest: bytes,
        check_at: datetime | None,
    ) -> None:
        """Adds a mail that was filed elsewhere; `check_at`: when its sender is to be checked, if that is to be done.

        Its octets go into the database itself, on SQLite too; from there they are moved to where `blobs.url` says.
        Raises Conflict when it is on record.
        """
        envelope = mail.envelope
        self._connection.execute(
            insert(table_of(ReceivedMailRow)).values(
                id=mail.id,
                received_at=mail.received_at,
                state=mail.state,
                outcome=mail.outcome,
                reason=mail.reason,
                reverse_path=envelope.reverse_path,
                forward_paths=list(envelope.forward_paths),
                peer=envelope.peer,
                helo=envelope.helo,
                tls=envelope.tls,
                trace=trace,
                size=len(octets),
                transfer_digest=transfer_digest,
                message_id=mail.message_id,
                content=codec.message_to_json(mail.message) if mail.message else None,
                expires_at=mail.expires_at,
                authentication=codec.authentication_to_json(mail.authentication)
                if mail.authentication
                else None,
                sender_check_at=check_at,
            )
        )
        if mail.state is MailState.FILED:
            Tally(self._connection).add({tally.mails(mail.state): 1})
        content = ContentInMemory(octets)
        pieces = (
            content.chunks() if self._connection.dialect.name == "sqlite" else row_sized(content.chunks())
        )
        self._connection.execute(
            insert(table_of(MailOctetsRow)),
            [
                {"mail_id": mail.id, "position": position, "octets": bytes(piece)}
                for position, piece in enumerate(pieces)
            ],
        )

    def keep_mail(self, mail_id: str, until: datetime) -> None:
        """The mail stays at least until then."""
        sooner = ReceivedMailRow.expires_at < until
        self._connection.execute(
            update(ReceivedMailRow).where(ReceivedMailRow.id == mail_id, sooner).values(expires_at=until)
        )

    def put_handling(self, invoice: Invoice, handling: Handling) -> None:
        """What people and programs of the company did with an invoice; who it was is not known here."""
        self._connection.execute(
            update(InboxEntryRow)
            .where(InboxEntryRow.account_id == invoice.account_id, InboxEntryRow.invoice_id == invoice.id)
            .values(done_at=handling.done_at, note=handling.note, acknowledged_at=handling.acknowledged_at)
        )

    def handling(self, invoice: Invoice) -> Handling:
        """The same, also of an invoice that is withheld from its company."""
        entry = and_(InboxEntryRow.account_id == invoice.account_id, InboxEntryRow.invoice_id == invoice.id)
        found = handling_of(self._connection, entry)
        if found is None:
            raise NotFound(f"there is no invoice {invoice.id}")
        return found
