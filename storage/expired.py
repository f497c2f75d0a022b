"""What retention does to the records: finds what is due, empties it, and at last removes the tombstone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, exists, func, select, text, update
from sqlalchemy.engine import Connection

from storage.records import Environment, InvoiceState, MailState
from storage.stored_octets import StoredOctets
from storage.tables import HistoryEventRow, InvoiceRow, ReceivedMailRow, RegistrationLinkRow

# Written out, for with a bound value SQLite cannot know that the partial index holds these rows.
_AVAILABLE = text("invoice.state = 'available'")
_SETTLED = ReceivedMailRow.state.in_([MailState.FILED, MailState.QUARANTINED])


def _due_mail(now: datetime) -> ColumnElement[bool]:
    # The mail holds the documents of all its invoices, so it waits for the last of them.
    still_needed = exists().where(
        InvoiceRow.mail_id == ReceivedMailRow.id, InvoiceRow.state == InvoiceState.AVAILABLE
    )
    return _SETTLED & (ReceivedMailRow.expires_at <= now) & ~still_needed


def _link_ended() -> ColumnElement[datetime]:
    return func.coalesce(
        RegistrationLinkRow.redeemed_at, RegistrationLinkRow.revoked_at, RegistrationLinkRow.expires_at
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DueInvoice:
    """An invoice whose time has come."""

    id: str
    mail_id: str
    environment: Environment


class Expired:
    """Everything whose time has come, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def invoices(self, now: datetime, limit: int) -> list[DueInvoice]:
        """Available invoices whose time has come, the longest due first; locked for this transaction."""
        query = (
            select(InvoiceRow.id, InvoiceRow.mail_id, InvoiceRow.environment)
            .where(_AVAILABLE, InvoiceRow.expires_at <= now)
            .order_by(InvoiceRow.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [
            DueInvoice(id=row.id, mail_id=row.mail_id, environment=Environment(row.environment))
            for row in self._connection.execute(query)
        ]

    def mails(self, now: datetime, limit: int) -> list[str]:
        """Ids of settled mails whose time has come and none of whose invoices is available."""
        query = (
            select(ReceivedMailRow.id)
            .where(_due_mail(now))
            .order_by(ReceivedMailRow.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return list(self._connection.scalars(query))

    def empty_invoices(self, ids: Sequence[str], *, at: datetime, tombstone_until: datetime) -> None:
        """Deletes the content of invoices; id, account, number, environment and dates stay."""
        self._connection.execute(
            update(InvoiceRow)
            .where(InvoiceRow.id.in_(ids), InvoiceRow.state == InvoiceState.AVAILABLE)
            .values(
                state=InvoiceState.DELETED,
                content=None,
                evidence=None,
                same_invoice=None,
                deleted_at=at,
                tombstone_until=tombstone_until,
            )
        )

    def empty_mails(self, ids: Sequence[str], *, at: datetime, tombstone_until: datetime) -> None:
        """Deletes octets, envelope and metadata of mails; id, outcome and dates stay.

        Octets in the log are on the disk until `Store.free_octets`.
        """
        StoredOctets(self._connection).delete(ids)
        self._connection.execute(
            update(ReceivedMailRow)
            .where(ReceivedMailRow.id.in_(ids), _SETTLED)
            .values(
                state=MailState.DELETED,
                reason=None,
                reverse_path=None,
                forward_paths=None,
                peer=None,
                helo=None,
                trace=None,
                message_id=None,
                content=None,
                deleted_at=at,
                tombstone_until=tombstone_until,
            )
        )

    def remove_tombstones(self, now: datetime, limit: int) -> tuple[int, int]:
        """Removes up to `limit` invoices and mails whose tombstone has had its time; their numbers."""
        invoices = list(
            self._connection.scalars(
                select(InvoiceRow.id).where(InvoiceRow.tombstone_until <= now).limit(limit)
            )
        )
        self._connection.execute(delete(InvoiceRow).where(InvoiceRow.id.in_(invoices)))
        self._forget(HistoryEventRow.invoice_id.in_(invoices))
        has_invoice = exists().where(InvoiceRow.mail_id == ReceivedMailRow.id)
        mails = list(
            self._connection.scalars(
                select(ReceivedMailRow.id)
                .where(ReceivedMailRow.tombstone_until <= now, ~has_invoice)
                .limit(limit)
            )
        )
        self._connection.execute(delete(ReceivedMailRow).where(ReceivedMailRow.id.in_(mails)))
        self._forget(HistoryEventRow.mail_id.in_(mails))
        return len(invoices), len(mails)

    def remove_links(self, ended_before: datetime) -> int:
        """Removes registration links that ended, one way or another, before `ended_before`; their number."""
        return self._connection.execute(
            delete(RegistrationLinkRow).where(_link_ended() <= ended_before)
        ).rowcount

    def longest_due(self, now: datetime) -> datetime | None:
        """Since when the invoice has been due that should have gone first; None when none is."""
        return self._connection.scalar(
            select(func.min(InvoiceRow.expires_at)).where(_AVAILABLE, InvoiceRow.expires_at <= now)
        )

    def count_invoices(self, now: datetime) -> dict[Environment, int]:
        """How many invoices would go at `now`."""
        rows = self._connection.execute(
            select(InvoiceRow.environment, func.count())
            .where(_AVAILABLE, InvoiceRow.expires_at <= now)
            .group_by(InvoiceRow.environment)
        )
        return {Environment(environment): count for environment, count in rows}

    def count_mails(self, now: datetime) -> int:
        """How many mails would go at `now`, once their invoices have gone."""
        still_needed = exists().where(
            InvoiceRow.mail_id == ReceivedMailRow.id, _AVAILABLE, InvoiceRow.expires_at > now
        )
        return self._count(
            select(func.count()).where(_SETTLED, ReceivedMailRow.expires_at <= now, ~still_needed)
        )

    def count_tombstones(self, now: datetime) -> tuple[int, int]:
        """How many tombstones of invoices and of mails would go at `now`."""
        return (
            self._count(select(func.count()).where(InvoiceRow.tombstone_until <= now)),
            self._count(select(func.count()).where(ReceivedMailRow.tombstone_until <= now)),
        )

    def count_links(self, ended_before: datetime) -> int:
        """How many links would go that ended before `ended_before`."""
        return self._count(select(func.count()).where(_link_ended() <= ended_before))

    def _count(self, query: Select[int]) -> int:
        return self._connection.scalar(query) or 0

    def _forget(self, which: ColumnElement[bool]) -> None:
        # The trigger lets history go only when what it is about is gone.
        self._connection.execute(delete(HistoryEventRow).where(which))
