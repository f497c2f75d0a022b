"""What retention does to the records: finds what is due, empties it, and at last removes the tombstone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    Executable,
    Select,
    delete,
    func,
    select,
)
from sqlalchemy.engine import Connection

from storage.blobs.stored_octets import StoredOctets
from storage.database.straight import answers, carry_out
from storage.expiring.expired_statements import (
    AVAILABLE,
    BESIDE_INVOICE,
    BESIDE_MAIL,
    DUE_INVOICES,
    DUE_INVOICES_BEHIND,
    DUE_MAILS,
    DUE_MAILS_BEHIND,
    EMPTY_INVOICE,
    EMPTY_MAIL,
    ENDED_INVOICES,
    ENDED_MAILS,
    INVOICE_HELD,
    LINK_ENDED,
    REMOVE_INVOICE,
    REMOVE_MAIL,
    mail_would_go,
)
from storage.filed import tally
from storage.filed.inbox_entries import InboxEntries
from storage.filed.tally import Tally
from storage.records.invoices import Environment, InvoiceState
from storage.records.mails import MailState
from storage.tables.invoices import InvoiceRow
from storage.tables.mails import ReceivedMailRow
from storage.tables.people import RegistrationLinkRow

Place = tuple[datetime, str]  # how far a run has come: expiry and id of the last one it looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class DueInvoice:
    """An invoice whose time has come."""

    id: str
    mail_id: str
    environment: Environment
    expires_at: datetime
    content_digest: bytes | None  # SHA-256 of its content as it is stored

    @property
    def place(self) -> Place:
        """Where it stands in the order of a run."""
        return self.expires_at, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMail:
    """A mail whose time has come."""

    id: str
    state: MailState
    expires_at: datetime
    transfer_digest: bytes

    @property
    def place(self) -> Place:
        """Where it stands in the order of a run."""
        return self.expires_at, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiringInvoices:
    """How many invoices of a company expire within a while."""

    account_id: str
    number: int
    first: datetime  # when the first of them expires
    last: datetime


class Expired:
    """Everything whose time has come, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tally = Tally(connection)

    def invoices(self, now: datetime, limit: int, after: Place | None = None) -> list[DueInvoice]:
        """Available invoices whose time has come and that nobody holds, the longest due first.

        Locked for this transaction; those that another worker has locked are left to it. `after` is the place of
        the last one that this run has had, so that what is held is looked at once.
        """
        query = DUE_INVOICES if after is None else DUE_INVOICES_BEHIND
        return [
            DueInvoice(
                id=invoice_id,
                mail_id=mail_id,
                environment=Environment(environment),
                expires_at=expires_at,
                content_digest=sha256(content.encode()).digest() if content is not None else None,
            )
            for invoice_id, mail_id, environment, expires_at, content in answers(
                self._connection, query, _sought(now, limit, after)
            )
        ]

    def mails(self, now: datetime, limit: int, after: Place | None = None) -> list[DueMail]:
        """Settled mails whose time has come, that nobody holds and none of whose invoices is available."""
        query = DUE_MAILS if after is None else DUE_MAILS_BEHIND
        return [
            DueMail(
                id=mail_id, state=MailState(state), expires_at=expires_at, transfer_digest=transfer_digest
            )
            for mail_id, state, expires_at, transfer_digest in answers(
                self._connection, query, _sought(now, limit, after)
            )
        ]

    def empty_invoices(self, due: Sequence[DueInvoice], *, at: datetime, tombstone_until: datetime) -> None:
        """Deletes the content of invoices; `what_stays` says what is left."""
        ids = [invoice.id for invoice in due]
        InboxEntries(self._connection).empty(ids)
        until = {"at": at, "until": tombstone_until}
        carry_out(self._connection, EMPTY_INVOICE, [{"subject": one} | until for one in ids])
        self._each(BESIDE_INVOICE, ids)
        kinds = Counter(invoice.environment for invoice in due)
        self._tally.add(
            {tally.invoices(InvoiceState.AVAILABLE, kind): -kinds[kind] for kind in kinds}
            | {tally.invoices(InvoiceState.DELETED, kind): kinds[kind] for kind in kinds}
        )

    def empty_mails(self, due: Sequence[DueMail], *, at: datetime, tombstone_until: datetime) -> None:
        """Deletes octets, envelope and metadata of mails; `what_stays` says what is left.

        Octets in the log are on the disk until `Store.free_octets`.
        """
        ids = [mail.id for mail in due]
        # The mail first: the database lets octets go only when their mail is deleted.
        until = {"at": at, "until": tombstone_until}
        carry_out(self._connection, EMPTY_MAIL, [{"subject": one} | until for one in ids])
        StoredOctets(self._connection).delete(ids)
        self._each(BESIDE_MAIL, ids)
        filed = sum(mail.state is MailState.FILED for mail in due)
        self._tally.add({tally.mails(MailState.FILED): -filed, tally.mails(MailState.DELETED): len(due)})

    def remove_tombstones(self, now: datetime, limit: int) -> tuple[int, int]:
        """Removes up to `limit` invoices and mails whose tombstone has had its time; their numbers."""
        ended = self._ended(ENDED_INVOICES, now, limit)
        invoices = [invoice_id for invoice_id, _ in ended]
        InboxEntries(self._connection).remove(invoices)
        self._each(REMOVE_INVOICE, invoices)
        mails = [mail_id for [mail_id] in self._ended(ENDED_MAILS, now, limit)]
        self._each(REMOVE_MAIL, mails)
        kinds = Counter(Environment(environment) for _, environment in ended)
        self._tally.add(
            {tally.invoices(InvoiceState.DELETED, kind): -kinds[kind] for kind in kinds}
            | {tally.mails(MailState.DELETED): -len(mails)}
        )
        return len(invoices), len(mails)

    def remove_links(self, ended_before: datetime) -> int:
        """Removes registration links that ended, one way or another, before `ended_before`; their number."""
        return self._connection.execute(
            delete(RegistrationLinkRow).where(ended_before >= LINK_ENDED)
        ).rowcount

    def longest_due(self, now: datetime) -> datetime | None:
        """Since when the invoice has been due that should have gone first and nobody holds; None when none is."""
        return self._connection.scalar(
            select(InvoiceRow.expires_at)
            .where(AVAILABLE, InvoiceRow.expires_at <= now, ~INVOICE_HELD)
            .order_by(InvoiceRow.expires_at, InvoiceRow.id)
            .limit(1)
        )

    def expiring(self, after: datetime, until: datetime) -> list[ExpiringInvoices]:
        """Productive invoices that nobody holds and that expire behind `after` up to `until`, by company."""
        rows = self._connection.execute(
            select(
                InvoiceRow.account_id,
                func.count().label("number"),
                func.min(InvoiceRow.expires_at).label("first"),
                func.max(InvoiceRow.expires_at).label("last"),
            )
            .where(AVAILABLE, InvoiceRow.expires_at > after, InvoiceRow.expires_at <= until)
            .where(InvoiceRow.environment == Environment.PRODUCTIVE, ~INVOICE_HELD)
            .group_by(InvoiceRow.account_id)
            .order_by(InvoiceRow.account_id)
        )
        return [
            ExpiringInvoices(account_id=row.account_id, number=row.number, first=row.first, last=row.last)
            for row in rows
        ]

    def due_up_to(self, now: datetime, most: int) -> int:
        """How many invoices are due at `now`, counted up to `most`: asked often, and of a long queue, too."""
        due = select(InvoiceRow.id).where(AVAILABLE, InvoiceRow.expires_at <= now, ~INVOICE_HELD)
        return self._count_up_to(most, due.order_by(InvoiceRow.expires_at, InvoiceRow.id))

    def mails_due_up_to(self, now: datetime, most: int) -> int:
        """How many mails would go by a run at `now`, counted up to `most`: those that no invoice needs any longer."""
        due = select(ReceivedMailRow.id).where(mail_would_go(now))
        return self._count_up_to(most, due.order_by(ReceivedMailRow.expires_at, ReceivedMailRow.id))

    def _count_up_to(self, most: int, found: Select[str]) -> int:
        # In the order of the index, so that no database reads the whole table for the first ones.
        some = found.limit(most).subquery()
        return self._connection.scalar(select(func.count()).select_from(some)) or 0

    def _each(self, statements: Sequence[Executable], ids: Sequence[str]) -> None:
        for statement in statements:
            carry_out(self._connection, statement, [{"subject": one} for one in ids])

    def _ended(self, query: Any, now: datetime, limit: int) -> list[tuple[Any, ...]]:
        return answers(self._connection, query, {"now": now, "most": limit})


def _sought(now: datetime, limit: int, after: Place | None) -> dict[str, Any]:
    """What the statements of due records are asked with."""
    place = {} if after is None else {"after_at": after[0], "after_id": after[1]}
    return {"now": now, "most": limit} | place
