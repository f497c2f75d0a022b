"""Looks for what cannot be in a database that only our code has written to: halves, leftovers, missing guards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, exists, func, or_, select, text
from sqlalchemy.engine import Connection

from storage.blobs.octet_log import log_beside
from storage.database.engine import open_engine
from storage.expiring.expired_statements import AVAILABLE, INVOICE_HELD, MAIL_HELD, SETTLED
from storage.expiring.what_stays import Fate, emptied
from storage.records.history import HistoryEventName
from storage.records.invoices import InvoiceState
from storage.records.mails import MailState
from storage.schema import NEWEST, upgrade
from storage.tables.base import Base
from storage.tables.history import HistoryEventRow
from storage.tables.invoices import InvoiceRow
from storage.tables.mails import MailBlobRow, MailExtentRow, MailOctetsRow, OctetSegmentRow, ReceivedMailRow

PORTION = 500  # records looked at in one statement
_SPACE = re.compile(r"\s+")
POSTGRESQL_TRIGGERS = {
    *("history_event_is_kept", "history_event_no_truncate"),
    *("invoice_stays", "invoice_no_truncate", "mail_stays", "received_mail_no_truncate"),
    *("mail_octets_stay", "mail_octets_no_update", "mail_octets_no_truncate"),
    *("mail_extent_stays", "mail_extent_no_update", "mail_extent_no_truncate"),
    *("mail_blob_stays", "mail_blob_no_truncate"),
    *("mail_key_stays", "mail_key_no_truncate"),
    *("legal_hold_no_delete", "legal_hold_no_update", "legal_hold_no_truncate"),
    *("retention_ledger_no_update", "retention_ledger_stays", "retention_ledger_no_truncate"),
    *("retention_permit_on_record", "retention_permit_is_closed"),
    *("act_is_kept", "act_no_truncate"),
    *("outbound_mail_told_change", "outbound_mail_told_end"),
    *("webhook_delivery_told_change", "webhook_delivery_told_end"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMail:
    """What is known of the octets of a mail that must be there."""

    id: str
    size: int  # octets
    transfer_digest: bytes
    stored: int | None  # octets that are there; None when there are none


class Soundness:
    """All tables within one transaction that only reads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def half_deleted_invoices(self) -> Iterator[str]:
        """Deleted invoices that still have content."""
        left = _any_left("invoice", Fate.EMPTIED_WITH_INVOICE)
        return self._ids(select(InvoiceRow.id).where(InvoiceRow.state == InvoiceState.DELETED, left))

    def half_deleted_mails(self) -> Iterator[str]:
        """Deleted mails that still have metadata."""
        left = _any_left("received_mail", Fate.EMPTIED_WITH_MAIL)
        return self._ids(select(ReceivedMailRow.id).where(ReceivedMailRow.state == MailState.DELETED, left))

    def emptied_invoices(self) -> Iterator[str]:
        """Available invoices without content."""
        return self._ids(select(InvoiceRow.id).where(AVAILABLE, InvoiceRow.content.is_(None)))

    def orphaned_invoices(self) -> Iterator[str]:
        """Invoices whose mail is not on record; one that is available and whose mail is deleted."""
        there = exists().where(
            ReceivedMailRow.id == InvoiceRow.mail_id,
            or_(ReceivedMailRow.state != MailState.DELETED, InvoiceRow.state == InvoiceState.DELETED),
        )
        return self._ids(select(InvoiceRow.id).where(~there))

    def overdue_invoices(self, since: datetime) -> Iterator[str]:
        """Available invoices that nobody holds and that were due before `since`."""
        return self._ids(select(InvoiceRow.id).where(AVAILABLE, InvoiceRow.expires_at < since, ~INVOICE_HELD))

    def overdue_mails(self, since: datetime) -> Iterator[str]:
        """Settled mails that nothing needs and that were due before `since`."""
        needed = exists().where(InvoiceRow.mail_id == ReceivedMailRow.id, AVAILABLE)
        return self._ids(
            select(ReceivedMailRow.id).where(SETTLED, ReceivedMailRow.expires_at < since, ~needed, ~MAIL_HELD)
        )

    def mails_without_beginning(self) -> Iterator[str]:
        """Mails whose history does not say that they came in: somebody took it away."""
        told = exists().where(
            HistoryEventRow.mail_id == ReceivedMailRow.id, HistoryEventRow.event == HistoryEventName.RECEIVED
        )
        return self._ids(select(ReceivedMailRow.id).where(~told))

    def invoices_without_beginning(self) -> Iterator[str]:
        """Invoices whose history does not say that they were recorded."""
        told = exists().where(
            HistoryEventRow.invoice_id == InvoiceRow.id, HistoryEventRow.event == HistoryEventName.RECORDED
        )
        return self._ids(select(InvoiceRow.id).where(~told))

    def octets_left_over(self) -> Iterator[str]:
        """Mails that are deleted or not there, and whose octets are."""
        needed = ReceivedMailRow.state != MailState.DELETED
        for owner in (MailOctetsRow.mail_id, MailExtentRow.mail_id, MailBlobRow.mail_id):
            there = exists().where(ReceivedMailRow.id == owner, needed)
            yield from self._ids(select(owner).where(owner.is_not(None), ~there).distinct())

    def invoices(self, after: str) -> list[tuple[str, datetime, datetime | None]]:
        """Some available invoices behind `after`, by id: id, expiry, and the expiry that the history tells last."""
        query = (
            select(InvoiceRow.id, InvoiceRow.expires_at)
            .where(InvoiceRow.id > after, InvoiceRow.state == InvoiceState.AVAILABLE)
            .order_by(InvoiceRow.id)
            .limit(PORTION)
        )
        rows = self._connection.execute(query).all()
        told = self._told_expiries([row.id for row in rows])
        return [(row.id, row.expires_at, told.get(row.id)) for row in rows]

    def mails(self, after: str) -> list[StoredMail]:
        """Some mails behind `after`, by id, whose octets must be there."""
        query = (
            select(ReceivedMailRow.id, ReceivedMailRow.size, ReceivedMailRow.transfer_digest)
            .where(ReceivedMailRow.id > after, ReceivedMailRow.state != MailState.DELETED)
            .order_by(ReceivedMailRow.id)
            .limit(PORTION)
        )
        rows = self._connection.execute(query).all()
        ids = [row.id for row in rows]
        stored: dict[str | None, int] = dict(
            self._connection.execute(
                select(MailOctetsRow.mail_id, func.sum(func.length(MailOctetsRow.octets)))
                .where(MailOctetsRow.mail_id.in_(ids))
                .group_by(MailOctetsRow.mail_id)
            ).all()
        )
        stored |= dict(
            self._connection.execute(
                select(MailExtentRow.mail_id, MailExtentRow.size).where(MailExtentRow.mail_id.in_(ids))
            ).all()
        )
        stored |= dict(
            self._connection.execute(
                select(MailBlobRow.mail_id, MailBlobRow.size).where(MailBlobRow.mail_id.in_(ids))
            ).all()
        )
        return [
            StoredMail(
                id=row.id,
                size=row.size,
                transfer_digest=row.transfer_digest,
                stored=int(stored[row.id]) if row.id in stored else None,
            )
            for row in rows
        ]

    def unknown_files(self) -> Iterator[str]:
        """Files of the log of octets that the database does not know."""
        log = log_beside(self._connection.engine)
        if log is None or not log.folder.exists():
            return
        known = set(self._ids(select(OctetSegmentRow.id)))
        yield from sorted(file.name for file in log.folder.iterdir() if file.name not in known)

    def deleted_invoices(self, after: str) -> list[tuple[str, datetime]]:
        """Some tombstones of invoices behind `after`, by id, and when they were deleted."""
        return self._deleted(InvoiceRow.id, InvoiceRow.state, InvoiceRow.deleted_at, after)

    def deleted_mails(self, after: str) -> list[tuple[str, datetime]]:
        """Some tombstones of mails behind `after`, by id, and when they were deleted."""
        return self._deleted(ReceivedMailRow.id, ReceivedMailRow.state, ReceivedMailRow.deleted_at, after)

    def states_of_invoices(self, ids: list[str]) -> dict[str, str]:
        """The states of those that are there."""
        return dict(
            self._connection.execute(
                select(InvoiceRow.id, InvoiceRow.state).where(InvoiceRow.id.in_(ids))
            ).all()
        )

    def states_of_mails(self, ids: list[str]) -> dict[str, str]:
        """The states of those that are there."""
        return dict(
            self._connection.execute(
                select(ReceivedMailRow.id, ReceivedMailRow.state).where(ReceivedMailRow.id.in_(ids))
            ).all()
        )

    def missing_guards(self) -> list[str]:
        """Triggers that are not there, switched off, or not what our migrations made."""
        if self._connection.dialect.name == "postgresql":
            query = text(
                "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
                " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
                " WHERE nspname = current_schema() AND NOT tgisinternal AND tgenabled <> 'D'"
            )
            return sorted(POSTGRESQL_TRIGGERS - set(self._connection.scalars(query)))
        found = _sqlite_triggers(self._connection)
        return sorted(name for name, made in _expected_of_sqlite().items() if found.get(name) != made)

    def _told_expiries(self, ids: list[str]) -> dict[str, datetime]:
        rows = self._connection.execute(
            select(HistoryEventRow.invoice_id, HistoryEventRow.detail)
            .where(
                HistoryEventRow.invoice_id.in_(ids),
                HistoryEventRow.event.in_([HistoryEventName.RECORDED, HistoryEventName.RESCHEDULED]),
            )
            .order_by(HistoryEventRow.id)
        )
        return {
            str(row.invoice_id): datetime.fromisoformat(row.detail["expires_at"])
            for row in rows
            if "expires_at" in row.detail
        }

    def _deleted(self, identifier: Any, state: Any, at: Any, after: str) -> list[tuple[str, datetime]]:
        query = select(identifier, at).where(identifier > after, state == "deleted", at.is_not(None))
        return [
            (row[0], row[1]) for row in self._connection.execute(query.order_by(identifier).limit(PORTION))
        ]

    def _ids(self, query: Select[Any]) -> Iterator[str]:
        yield from self._connection.execute(query.execution_options(yield_per=PORTION)).scalars()


def _any_left(table: str, fate: Fate) -> ColumnElement[bool]:
    columns = Base.metadata.tables[table].columns
    return or_(*(columns[name].is_not(None) for name in emptied(fate)))


def _sqlite_triggers(connection: Connection) -> dict[str, str]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    return {name: _SPACE.sub(" ", made) for name, made in rows}


def _expected_of_sqlite() -> dict[str, str]:
    """What the migrations make of an empty database."""
    engine: Engine = open_engine("sqlite://")
    try:
        with engine.connect() as connection, connection.begin():
            upgrade(connection, NEWEST)
            return _sqlite_triggers(connection)
    finally:
        engine.dispose()
