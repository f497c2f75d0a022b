"""The inbox of one company: whoever holds it can see and change this company's invoices and no others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    TextClause,
    and_,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy import text as sql_text
from sqlalchemy.engine import Connection

from storage.errors import NotFound
from storage.expiring.expiring_invoices import expiring
from storage.filed.inbox_query import (
    MOST_COUNTED,
    Cursor,
    Handling,
    InboxEntry,
    InboxOrder,
    InboxPage,
    InboxQuery,
    InboxState,
)
from storage.filed.inbox_words import UNKNOWN_AMOUNT, sort_key, words_asked
from storage.filed.invoices import Invoices
from storage.filed.second_looks import IN_QUESTION, SecondLooks
from storage.queue.received_mail import ReceivedMails
from storage.records.companies import SecondLook
from storage.records.invoices import Environment, Invoice, InvoiceState
from storage.records.mails import ReceivedMail
from storage.records.validation import ValidationStatus
from storage.tables.base import UtcDateTime
from storage.tables.invoices import InboxEntryRow, InboxWordRow, InvoiceRow, InvoiceSeenRow

_KEYS: dict[InboxOrder, Any] = {
    InboxOrder.RECEIVED: InboxEntryRow.received_at,
    InboxOrder.ISSUED: InboxEntryRow.issue_date,
    InboxOrder.PARTNER: InboxEntryRow.seller_key,
    InboxOrder.AMOUNT: InboxEntryRow.total_key,
    InboxOrder.NUMBER: func.coalesce(InboxEntryRow.invoice_number, ""),
}
# A word that fewer entries have is looked up; a more frequent one is met soon when walking through the inbox.
_RARE = 2000
# Written out, for with a bound value SQLite cannot know that the partial index holds these rows.
_INVALID = sql_text("inbox_entry.validation_status = 'invalid'")
_LAST_SIGN = "\U0010ffff"


class Inbox:
    """The invoices of one company within one transaction. Every page of the portal goes through here."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        self._connection = connection
        self._account_id = account_id

    def invoice(self, invoice_id: str) -> Invoice:
        """One invoice. Raises NotFound, also when it is another company's, or withheld until somebody has looked."""
        invoice = Invoices(self._connection).get(invoice_id)
        looks = SecondLooks(self._connection).of([invoice_id])
        if invoice.account_id != self._account_id or looks.get(invoice_id) is SecondLook.WITHHELD:
            raise NotFound(f"there is no invoice {invoice_id}")
        return invoice

    def page(self, query: InboxQuery, user_id: str | None = None) -> InboxPage:
        """The entries that `query` means, some at a time; `user_id` is who has read them or not."""
        found = self._found(query, user_id)
        key = _KEYS[query.order]
        back = query.at is not None and query.at.back
        descending = query.descending != back
        walk = found
        if query.at is not None:
            place = tuple_(_bound(query.order, query.at), literal(query.at.invoice_id))
            here = tuple_(key, InboxEntryRow.invoice_id)
            walk = walk.where(here < place if descending else here > place)
        order = [key, InboxEntryRow.invoice_id]
        walk = walk.order_by(*(one.desc() if descending else one for one in order)).limit(query.size + 1)
        rows = self._connection.execute(walk).all()
        more = len(rows) > query.size
        rows = rows[: query.size]
        if back:
            rows = rows[::-1]
        entries = self._entries(rows, user_id)
        first, last = (rows[0], rows[-1]) if rows else (None, None)
        return InboxPage(
            entries=tuple(entries),
            previous=_cursor(query, first, back=True)
            if first and (more if back else query.at is not None)
            else None,
            next=_cursor(query, last, back=False) if last and (more or back) else None,
            count=self._count(found) if more or query.at is not None else len(rows),
        )

    def partners(self, limit: int = 300) -> list[str]:
        """The names of the sellers of available invoices, in their order."""
        # From name to name by the index: as many steps as there are names, however many invoices.
        names: list[str] = []
        last = ""
        while len(names) < limit:
            row = self._connection.execute(
                select(InboxEntryRow.seller_key, InboxEntryRow.seller_name)
                .where(self._own(), InboxEntryRow.seller_key > last)
                .order_by(InboxEntryRow.seller_key)
                .limit(1)
            ).one_or_none()
            if row is None:
                break
            last = row.seller_key
            names.append(row.seller_name or row.seller_key)
        return names

    def expiring(self, until: datetime, limit: int) -> list[str]:
        """Ids of invoices that will be deleted before `until`, the first to go first."""
        soon = expiring(self._account_id, until)
        in_sight = soon.join(InboxEntryRow, InboxEntryRow.invoice_id == InvoiceRow.id).where(self._own())
        return [str(invoice_id) for invoice_id in self._connection.scalars(in_sight.limit(limit))]

    def handling(self, invoice_id: str) -> Handling:
        """What was done with an invoice. Raises NotFound."""
        found = handling_of(self._connection, self._one(invoice_id))
        if found is None:
            raise NotFound(f"there is no invoice {invoice_id}")
        return found

    def set_done(self, invoice_ids: Iterable[str], *, at: datetime | None, by: str) -> None:
        """Marks invoices as done, or (`at` None) as open again. Raises NotFound."""
        for invoice_id in invoice_ids:
            self._update(invoice_id, done_at=at, done_by=by if at else None)

    def set_note(self, invoice_id: str, note: str | None) -> None:
        """What people of the company have to know about an invoice. Raises NotFound."""
        self._update(invoice_id, note=note)

    def acknowledge(self, invoice_id: str, at: datetime) -> None:
        """Notes that a program of the company has an invoice; the first time counts. Raises NotFound."""
        if self.handling(invoice_id).acknowledged_at is None:
            self._update(invoice_id, acknowledged_at=at)

    def last_seen(self, invoice_id: str, user_id: str) -> datetime | None:
        """When this person last looked at an invoice."""
        return self._connection.scalar(
            select(InvoiceSeenRow.at).where(
                InvoiceSeenRow.user_id == user_id, InvoiceSeenRow.invoice_id == invoice_id
            )
        )

    def set_read(self, invoice_ids: Iterable[str], user_id: str, at: datetime) -> None:
        """Notes that this person has looked at invoices. Raises NotFound."""
        for invoice_id in invoice_ids:
            self.invoice(invoice_id)
            seen = (InvoiceSeenRow.user_id == user_id) & (InvoiceSeenRow.invoice_id == invoice_id)
            if not self._connection.execute(update(InvoiceSeenRow).where(seen).values(at=at)).rowcount:
                self._connection.execute(
                    insert(InvoiceSeenRow).values(user_id=user_id, invoice_id=invoice_id, at=at)
                )

    def set_unread(self, invoice_ids: Iterable[str], user_id: str) -> None:
        """Forgets that this person has looked at invoices. Raises NotFound."""
        for invoice_id in invoice_ids:
            self.invoice(invoice_id)
            self._connection.execute(
                InvoiceSeenRow.__table__.delete().where(  # type: ignore[attr-defined]  # a Table, not any selectable
                    InvoiceSeenRow.user_id == user_id, InvoiceSeenRow.invoice_id == invoice_id
                )
            )

    def _own(self) -> ColumnElement[bool]:
        in_sight = or_(InboxEntryRow.second_look.is_(None), InboxEntryRow.second_look != SecondLook.WITHHELD)
        return and_(InboxEntryRow.account_id == self._account_id, in_sight)

    def _one(self, invoice_id: str) -> ColumnElement[bool]:
        return and_(self._own(), InboxEntryRow.invoice_id == invoice_id)

    def _update(self, invoice_id: str, **values: object) -> None:
        changed = self._connection.execute(
            update(InboxEntryRow).where(self._one(invoice_id)).values(**values)
        )
        if not changed.rowcount:
            raise NotFound(f"there is no invoice {invoice_id}")

    def _found(self, query: InboxQuery, user_id: str | None) -> Select[Any]:
        found = select(InboxEntryRow.__table__).where(self._own())
        for condition in (
            *self._in_state(query, user_id),
            *self._within(query),
            *self._with_words(words_asked(query.text)),
        ):
            found = found.where(condition)
        return found

    def _in_state(self, query: InboxQuery, user_id: str | None) -> Sequence[ColumnElement[bool] | TextClause]:
        available = InboxEntryRow.state == InvoiceState.AVAILABLE
        match query.state:
            case None:
                return []
            case InboxState.UNREAD:
                seen = exists().where(
                    InvoiceSeenRow.user_id == user_id, InvoiceSeenRow.invoice_id == InboxEntryRow.invoice_id
                )
                return [available, ~seen]
            case InboxState.OPEN:
                return [available, InboxEntryRow.done_at.is_(None)]
            case InboxState.DONE:
                return [InboxEntryRow.done_at.is_not(None)]
            case InboxState.WARNINGS:
                return [available, InboxEntryRow.warnings > 0]
            case InboxState.HELD:
                return [available, IN_QUESTION]
            case InboxState.ERRORS:
                return [available, _INVALID]
            case InboxState.EXPIRING:
                if query.expires_before is None:
                    return []
                soon = expiring(self._account_id, query.expires_before).order_by(None)
                return [available, InboxEntryRow.invoice_id.in_(soon)]
            case InboxState.DELETED:
                return [InboxEntryRow.state == InvoiceState.DELETED]

    def _within(self, query: InboxQuery) -> list[ColumnElement[bool] | TextClause]:
        conditions: list[ColumnElement[bool] | TextClause] = []
        if query.environment is not None:
            conditions.append(InboxEntryRow.environment == query.environment)
        if query.acknowledged is not None:
            at = InboxEntryRow.acknowledged_at
            conditions.append(at.is_not(None) if query.acknowledged else at.is_(None))
        if query.validation is ValidationStatus.INVALID:
            conditions.append(_INVALID)
        elif query.validation is not None:
            conditions.append(InboxEntryRow.validation_status == query.validation)
        if query.partner is not None:
            conditions.append(InboxEntryRow.seller_key == sort_key(query.partner))
        if query.received_from is not None:
            conditions.append(InboxEntryRow.received_at >= query.received_from)
        if query.received_before is not None:
            conditions.append(InboxEntryRow.received_at < query.received_before)
        if query.amount_from is not None:
            conditions.append(InboxEntryRow.total_key >= query.amount_from)
        if query.amount_to is not None:
            conditions += [
                InboxEntryRow.total_key <= query.amount_to,
                InboxEntryRow.total_key > UNKNOWN_AMOUNT,
            ]
        return conditions

    def _with_words(self, words: Sequence[str]) -> list[ColumnElement[bool]]:
        """Each word begins one of the entry's words; the rarest is looked up, if any is rare."""
        if not words:
            return []
        counts = {word: self._how_many(word) for word in words}
        rarest = min(words, key=lambda word: counts[word])
        conditions: list[ColumnElement[bool]] = [
            InboxEntryRow.words.like(f"% {word}%")
            for word in words
            if word != rarest or counts[rarest] >= _RARE
        ]
        if counts[rarest] < _RARE:
            ids = self._connection.scalars(
                select(InboxWordRow.invoice_id).where(self._begin_with(rarest)).distinct()
            ).all()
            conditions.append(InboxEntryRow.invoice_id.in_(ids))
        return conditions

    def _begin_with(self, word: str) -> ColumnElement[bool]:
        return and_(
            InboxWordRow.account_id == self._account_id,
            InboxWordRow.word >= word,
            InboxWordRow.word < word + _LAST_SIGN,
        )

    def _how_many(self, word: str) -> int:
        some = select(literal(1)).where(self._begin_with(word)).limit(_RARE).subquery()
        return self._connection.scalar(select(func.count()).select_from(some)) or 0

    def _count(self, found: Select[Any]) -> int | None:
        some = found.with_only_columns(InboxEntryRow.invoice_id).limit(MOST_COUNTED + 1).subquery()
        count = self._connection.scalar(select(func.count()).select_from(some)) or 0
        return count if count <= MOST_COUNTED else None

    def _entries(self, rows: Sequence[Any], user_id: str | None) -> list[InboxEntry]:
        ids = [row.invoice_id for row in rows]
        rest = {
            row.id: row
            for row in self._connection.execute(
                select(
                    InvoiceRow.id, InvoiceRow.mail_id, InvoiceRow.expires_at, InvoiceRow.validation_status
                ).where(InvoiceRow.id.in_(ids))
            )
        }
        nameless = {
            row.invoice_id: rest[row.invoice_id].mail_id
            for row in rows
            if row.seller_name is None and row.state == InvoiceState.AVAILABLE
        }
        mails = ReceivedMails(self._connection).by_ids(set(nameless.values())) if nameless else {}
        read = set(
            self._connection.scalars(
                select(InvoiceSeenRow.invoice_id).where(
                    InvoiceSeenRow.user_id == user_id, InvoiceSeenRow.invoice_id.in_(ids)
                )
            )
        )
        return [
            InboxEntry(
                invoice_id=row.invoice_id,
                received_at=row.received_at,
                expires_at=rest[row.invoice_id].expires_at,
                state=InvoiceState(row.state),
                environment=Environment(row.environment),
                invoice_number=row.invoice_number,
                issue_date=row.issue_date or None,
                seller_name=row.seller_name,
                sender=_sender(mails.get(nameless.get(row.invoice_id, ""))),
                total=row.total,
                currency=row.currency,
                warnings=row.warnings,
                second_look=SecondLook(row.second_look) if row.second_look else None,
                validation=_status(rest[row.invoice_id].validation_status),
                done_at=row.done_at,
                acknowledged_at=row.acknowledged_at,
                read=row.invoice_id in read,
            )
            for row in rows
        ]


def _sender(mail: ReceivedMail | None) -> str | None:
    """Who sent a mail, by its From field (RFC 5322 3.6.2), else by its reverse-path; None for a deleted one."""
    if mail is None:
        return None
    named = mail.message.from_[0].address if mail.message and mail.message.from_ else None
    return named or (mail.envelope.reverse_path if mail.envelope else None) or None


def _bound(order: InboxOrder, place: Cursor) -> ColumnElement[Any]:
    if order is InboxOrder.RECEIVED:
        return literal(place.received_at, UtcDateTime())
    return literal(place.key)


def _cursor(query: InboxQuery, row: Any, *, back: bool) -> Cursor:
    match query.order:
        case InboxOrder.RECEIVED:
            key: str | int = row.received_at.isoformat()
        case InboxOrder.ISSUED:
            key = row.issue_date
        case InboxOrder.PARTNER:
            key = row.seller_key
        case InboxOrder.AMOUNT:
            key = row.total_key
        case InboxOrder.NUMBER:
            key = row.invoice_number or ""
    return Cursor(key=key, invoice_id=row.invoice_id, back=back)


def _status(value: str | None) -> ValidationStatus | None:
    return ValidationStatus(value) if value else None


def handling_of(connection: Connection, entry: ColumnElement[bool]) -> Handling | None:
    """What was done with the invoice of one entry; None where there is no such entry."""
    row = connection.execute(
        select(
            InboxEntryRow.done_at, InboxEntryRow.done_by, InboxEntryRow.note, InboxEntryRow.acknowledged_at
        ).where(entry)
    ).one_or_none()
    if row is None:
        return None
    return Handling(
        done_at=row.done_at, done_by=row.done_by, note=row.note, acknowledged_at=row.acknowledged_at
    )
