"""The statements of each batch of retention, made once: making one takes ten times as long as carrying it out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Delete,
    Text,
    Update,
    and_,
    bindparam,
    cast,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from storage.database.looking_up import looked_up
from storage.expiring.legal_holds import held
from storage.expiring.what_stays import Fate, emptied, tables
from storage.records.invoices import InvoiceState
from storage.records.mails import MailState
from storage.tables.base import Base, UtcDateTime, table_of
from storage.tables.history import HistoryEventRow
from storage.tables.invoices import InvoiceRow
from storage.tables.mails import MailBlobRow, MailExtentRow, MailOctetsRow, ReceivedMailRow
from storage.tables.people import RegistrationLinkRow

# Written out, for with bound values SQLite cannot know that the partial indexes hold these rows.
AVAILABLE = text("invoice.state = 'available'")
SETTLED = text("received_mail.state IN ('filed', 'quarantined')")
TOMBSTONE_INVOICE = text("invoice.tombstone_until IS NOT NULL")
TOMBSTONE_MAIL = text("received_mail.tombstone_until IS NOT NULL")
LINK_ENDED = func.coalesce(
    RegistrationLinkRow.redeemed_at, RegistrationLinkRow.revoked_at, RegistrationLinkRow.expires_at
)

INVOICE_HELD = held(InvoiceRow.id, InvoiceRow.mail_id, InvoiceRow.account_id)
MAIL_HELD = held(ReceivedMailRow.id)

_NOW = bindparam("now", type_=UtcDateTime())
_SUBJECT: BindParameter[str] = bindparam("subject")  # id of the invoice or the mail


def due_mail(now: ColumnElement[Any] = _NOW) -> ColumnElement[bool]:
    """Whether the time of a mail has come: it holds the documents of all its invoices, so it waits for the last."""
    still_needed = looked_up(InvoiceRow.mail_id == ReceivedMailRow.id, AVAILABLE)
    return and_(SETTLED, ReceivedMailRow.expires_at <= now, ~still_needed, ~MAIL_HELD)


def mail_would_go(now: datetime) -> ColumnElement[bool]:
    """Whether the time of a mail has come, once the invoices whose time has come have gone."""
    still_needed = looked_up(
        InvoiceRow.mail_id == ReceivedMailRow.id, AVAILABLE, or_(InvoiceRow.expires_at > now, INVOICE_HELD)
    )
    return and_(SETTLED, ReceivedMailRow.expires_at <= now, ~still_needed, ~MAIL_HELD)


def _behind(
    expires_at: InstrumentedAttribute[Any], identifier: InstrumentedAttribute[str]
) -> ColumnElement[bool]:
    place = tuple_(bindparam("after_at", type_=UtcDateTime()), bindparam("after_id"))
    return tuple_(expires_at, identifier) > place


# With :now and :most; those behind a place also with :after_at and :after_id.
DUE_INVOICES = (
    select(
        InvoiceRow.id,
        InvoiceRow.mail_id,
        InvoiceRow.environment,
        InvoiceRow.expires_at,
        cast(InvoiceRow.content, Text).label("content"),
    )
    .where(AVAILABLE, InvoiceRow.expires_at <= _NOW, ~INVOICE_HELD)
    .order_by(InvoiceRow.expires_at, InvoiceRow.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=InvoiceRow)
)
DUE_INVOICES_BEHIND = DUE_INVOICES.where(_behind(InvoiceRow.expires_at, InvoiceRow.id))
DUE_MAILS = (
    select(
        ReceivedMailRow.id, ReceivedMailRow.state, ReceivedMailRow.expires_at, ReceivedMailRow.transfer_digest
    )
    .where(due_mail())
    .order_by(ReceivedMailRow.expires_at, ReceivedMailRow.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=ReceivedMailRow)
)
DUE_MAILS_BEHIND = DUE_MAILS.where(_behind(ReceivedMailRow.expires_at, ReceivedMailRow.id))

# Each with :subject for every record of the batch; the first two also with :at and :until.
EMPTY_INVOICE: Update = (
    update(InvoiceRow.__table__)  # type: ignore[arg-type]  # declared as FromClause, it is a Table
    .where(InvoiceRow.id == _SUBJECT, InvoiceRow.state == InvoiceState.AVAILABLE)
    .values(
        state=InvoiceState.DELETED,
        deleted_at=bindparam("at"),
        tombstone_until=bindparam("until"),
        **emptied(Fate.EMPTIED_WITH_INVOICE),
    )
)
EMPTY_MAIL: Update = (
    update(ReceivedMailRow.__table__)  # type: ignore[arg-type]  # the same
    .where(ReceivedMailRow.id == _SUBJECT, SETTLED)
    .values(
        state=MailState.DELETED,
        deleted_at=bindparam("at"),
        tombstone_until=bindparam("until"),
        **emptied(Fate.EMPTIED_WITH_MAIL),
    )
)
BESIDE_INVOICE: list[Delete] = [
    delete(table).where(table.c.invoice_id == _SUBJECT)
    for table in (Base.metadata.tables[name] for name in tables(Fate.GOES_WITH_INVOICE))
]
BESIDE_MAIL: list[Delete] = [
    delete(table).where(table.c.mail_id == _SUBJECT)
    for table in (Base.metadata.tables[name] for name in tables(Fate.GOES_WITH_MAIL))
]
# Tombstones that have had their time, with :now and :most; a mail's goes after those of its invoices.
ENDED_INVOICES = (
    select(InvoiceRow.id, InvoiceRow.environment)
    .where(TOMBSTONE_INVOICE, InvoiceRow.tombstone_until <= _NOW, ~INVOICE_HELD)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=InvoiceRow)
)
ENDED_MAILS = (
    select(ReceivedMailRow.id)
    .where(
        TOMBSTONE_MAIL,
        ReceivedMailRow.tombstone_until <= _NOW,
        ~looked_up(InvoiceRow.mail_id == ReceivedMailRow.id),
        ~MAIL_HELD,
    )
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=ReceivedMailRow)
)
# With :subject. The history goes last: the trigger lets it go only when what it is about is gone.
REMOVE_INVOICE: list[Delete] = [
    delete(table_of(InvoiceRow)).where(InvoiceRow.id == _SUBJECT),
    delete(table_of(HistoryEventRow)).where(HistoryEventRow.invoice_id == _SUBJECT),
]
REMOVE_MAIL: list[Delete] = [
    delete(table_of(ReceivedMailRow)).where(ReceivedMailRow.id == _SUBJECT),
    delete(table_of(HistoryEventRow)).where(HistoryEventRow.mail_id == _SUBJECT),
]
# What lies in the log or elsewhere stays until its place is erased, after the transaction.
LET_BLOB_GO: Update = (
    update(MailBlobRow.__table__)  # type: ignore[arg-type]  # the same
    .where(MailBlobRow.mail_id == _SUBJECT)
    .values(mail_id=None)
)
LET_OCTETS_GO: list[Delete | Update] = [
    delete(MailOctetsRow.__table__).where(MailOctetsRow.mail_id == _SUBJECT),  # type: ignore[arg-type]  # the same
    update(MailExtentRow.__table__)  # type: ignore[arg-type]  # the same
    .where(MailExtentRow.mail_id == _SUBJECT)
    .values(mail_id=None),
]
