"""The mails that we send: a queue in the database, filled by whatever causes a mail, in its own transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, text, union_all, update
from sqlalchemy.engine import Connection

from storage.database.chunks import chunks
from storage.database.many_rows import insert_rows
from storage.errors import NotFound
from storage.filed import tally
from storage.filed.tally import Tally
from storage.records.outgoing import MailTemplate, OutboundMail, OutboundState
from storage.records.people import Language
from storage.tables.base import table_of
from storage.tables.outgoing import OutboundHoldRow, OutboundMailRow

# Written out, for with a bound value SQLite cannot know that the partial index holds these rows.
_QUEUED = text("outbound_mail.state = 'queued'")
_HELD = text("outbound_mail.state = 'held'")


class Outbox:
    """The tables of outbound mails and holds within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, mails: Sequence[OutboundMail]) -> None:
        """Adds mails, to be sent once this transaction is committed."""
        rows = [
            {
                "id": mail.id,
                "template": mail.template,
                "language": mail.language,
                "recipient": mail.recipient,
                "account_id": mail.account_id,
                "invoice_id": mail.invoice_id,
                "mail_id": mail.mail_id,
                "context": mail.context,
                "state": mail.state,
                "attempts": 0,
                "not_before": mail.not_before or mail.created_at,
                "created_at": mail.created_at,
            }
            for mail in mails
        ]
        insert_rows(self._connection, table_of(OutboundMailRow), rows)

    def has_due(self, now: datetime) -> bool:
        """Whether a mail waits to be sent; asked before `claim`, for reading waits for no writer."""
        query = select(OutboundMailRow.id).where(_QUEUED, _due(now)).limit(1)
        return self._connection.scalar(query) is not None

    def claim(self, *, by: str, now: datetime, lease: timedelta, limit: int) -> list[OutboundMail]:
        """Takes mails that are due, oldest first; nobody else gets them before `lease` is over."""
        ids = list(
            self._connection.scalars(
                select(OutboundMailRow.id)
                .where(_QUEUED, _due(now))
                .order_by(OutboundMailRow.not_before, OutboundMailRow.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
        )
        if not ids:
            return []
        claimed = self._connection.execute(
            update(OutboundMailRow)
            .where(OutboundMailRow.id.in_(ids), OutboundMailRow.state == OutboundState.QUEUED)
            .values(claimed_by=by, claimed_until=now + lease, attempts=OutboundMailRow.attempts + 1)
            .returning(OutboundMailRow.__table__)
        )
        return sorted((_record(row) for row in claimed), key=lambda mail: mail.id)

    def sent(self, mail: OutboundMail, *, by: str, at: datetime, message_id: str, reply: str) -> bool:
        """The smarthost has taken it; of the context what it was about stays. False for a lost claim."""
        kept = {key: mail.context[key] for key in _KEPT if key in mail.context}
        return self._change(
            mail.id,
            by,
            state=OutboundState.SENT,
            sent_at=at,
            last_reply=reply,
            message_id=message_id,
            context=kept,
            **_FREE,
        )

    def postpone(self, mail_id: str, *, by: str, until: datetime, reply: str | None) -> bool:
        """It is tried again then. `reply` None: it was not tried at all, so no attempt counts."""
        values: dict[str, Any] = {"not_before": until, **_FREE}
        if reply is None:
            values["attempts"] = OutboundMailRow.attempts - 1
        else:
            values["last_reply"] = reply
        return self._change(mail_id, by, **values)

    def fail(self, mail_id: str, *, by: str, reply: str) -> bool:
        """It is not tried any more."""
        return self._change(mail_id, by, state=OutboundState.FAILED, last_reply=reply, **_FREE)

    def bounced(self, message_id: str, reply: str) -> OutboundMail | None:
        """Notes that a server further on returned a mail; None when it is none of ours."""
        row = self._connection.execute(
            update(OutboundMailRow)
            .where(OutboundMailRow.message_id == message_id, OutboundMailRow.state == OutboundState.SENT)
            .values(state=OutboundState.BOUNCED, last_reply=reply)
            .returning(OutboundMailRow.__table__)
        ).one_or_none()
        return _record(row) if row else None

    def by_message_ids(self, message_ids: Iterable[str]) -> dict[str, OutboundMail]:
        """The mails that were sent under these Message-IDs, by these."""
        return {
            str(mail.message_id): mail
            for chunk in chunks(message_ids)
            for mail in reversed(self._select(OutboundMailRow.message_id.in_(chunk)))
        }

    def bouncing(self, recipients: Iterable[str], since: datetime) -> set[str]:
        """Those of these recipients whose last mail since then came back."""
        rows = [
            row
            for chunk in chunks(recipients)
            for row in self._connection.execute(
                select(OutboundMailRow.recipient, OutboundMailRow.state)
                .where(OutboundMailRow.recipient.in_(chunk), OutboundMailRow.sent_at > since)
                .order_by(OutboundMailRow.sent_at)
            )
        ]
        last = {row.recipient: row.state for row in rows}
        return {recipient for recipient, state in last.items() if state == OutboundState.BOUNCED}

    def retry(self, mail_id: str, now: datetime) -> None:
        """Puts a failed mail into the queue again. Raises NotFound when there is no failed one."""
        again = self._connection.execute(
            update(OutboundMailRow)
            .where(OutboundMailRow.id == mail_id, OutboundMailRow.state == OutboundState.FAILED)
            .values(state=OutboundState.QUEUED, not_before=now, attempts=0, created_at=now)
        )
        if not again.rowcount:
            raise NotFound(f"there is no failed mail {mail_id}")

    def sent_since(self, recipient: str, since: datetime) -> int:
        """How many mails a recipient got since then."""
        query = select(func.count()).where(
            OutboundMailRow.recipient == recipient, OutboundMailRow.sent_at > since
        )
        return self._connection.scalar(query) or 0

    def get(self, mail_id: str) -> OutboundMail:
        """One mail. Raises NotFound."""
        found = self._select(OutboundMailRow.id == mail_id)
        if not found:
            raise NotFound(f"there is no outbound mail {mail_id}")
        return found[0]

    def of_invoice(self, invoice_id: str) -> list[OutboundMail]:
        """The mails about an invoice, oldest first."""
        return self._select(OutboundMailRow.invoice_id == invoice_id)

    def select(self, state: OutboundState | None = None, limit: int = 1000) -> list[OutboundMail]:
        """Mails, newest first."""
        query = select(OutboundMailRow.__table__).order_by(OutboundMailRow.id.desc()).limit(limit)
        if state is not None:
            query = query.where(OutboundMailRow.state == state)
        return [_record(row) for row in self._connection.execute(query)]

    def counts(self) -> dict[OutboundState, int]:
        """How many mails are in each state; only those that wait are counted one by one, once all were."""
        by_state = select(OutboundMailRow.state, func.count()).group_by(OutboundMailRow.state)
        query: Any = by_state
        if Tally(self._connection).counted_at() is not None:
            query = union_all(by_state.where(_QUEUED), by_state.where(_HELD), tally.kept(tally.OUTBOUND))
        return {OutboundState(state): int(count) for state, count in self._connection.execute(query) if count}

    def held_subjects(self, subject_ids: Iterable[str]) -> set[str]:
        """Which of these accounts and partners are on hold."""
        return {
            subject_id
            for chunk in chunks(subject_ids)
            for subject_id in self._connection.scalars(
                select(OutboundHoldRow.subject_id).where(OutboundHoldRow.subject_id.in_(chunk))
            )
        }

    def hold(self, subject_id: str, *, at: datetime, by: str) -> None:
        """Mails about this account's or partner's invoices wait from now on."""
        if not self.held_subjects([subject_id]):
            self._connection.execute(insert(OutboundHoldRow).values(subject_id=subject_id, since=at, by=by))

    def end_hold(self, subject_id: str) -> None:
        """Mails about further invoices are sent again; those held wait for `release`."""
        self._connection.execute(delete(OutboundHoldRow).where(OutboundHoldRow.subject_id == subject_id))

    def release(self, mail_ids: Sequence[str], now: datetime) -> int:
        """Lets held mails go; how many."""
        return sum(
            self._connection.execute(
                update(OutboundMailRow)
                .where(OutboundMailRow.id.in_(chunk), OutboundMailRow.state == OutboundState.HELD)
                .values(state=OutboundState.QUEUED, not_before=now, created_at=now)
            ).rowcount
            for chunk in chunks(mail_ids)
        )

    def remove_ended(self, before: datetime) -> int:
        """Removes mails that were made before then and wait for nothing any more; how many."""
        waiting = OutboundMailRow.state.in_([OutboundState.QUEUED, OutboundState.HELD])
        return self._connection.execute(
            delete(OutboundMailRow).where(OutboundMailRow.created_at <= before, ~waiting)
        ).rowcount

    def _change(self, mail_id: str, by: str, **values: object) -> bool:
        changed = self._connection.execute(
            update(OutboundMailRow)
            .where(
                OutboundMailRow.id == mail_id,
                OutboundMailRow.claimed_by == by,
                OutboundMailRow.state == OutboundState.QUEUED,
            )
            .values(**values)
        )
        return bool(changed.rowcount)

    def _select(self, condition: ColumnElement[bool]) -> list[OutboundMail]:
        query = select(OutboundMailRow.__table__).where(condition).order_by(OutboundMailRow.id)
        return [_record(row) for row in self._connection.execute(query)]


_KEPT = ("invoices", "link")  # no code, nothing that a person wrote
_FREE: dict[str, Any] = {"claimed_by": None, "claimed_until": None}


def _due(now: datetime) -> ColumnElement[bool]:
    free = or_(OutboundMailRow.claimed_until.is_(None), OutboundMailRow.claimed_until <= now)
    return and_(OutboundMailRow.not_before <= now, free)


def _record(row: Row[Any]) -> OutboundMail:
    return OutboundMail(
        id=row.id,
        template=MailTemplate(row.template),
        language=Language(row.language),
        recipient=row.recipient,
        context=row.context or {},
        created_at=row.created_at,
        account_id=row.account_id,
        invoice_id=row.invoice_id,
        mail_id=row.mail_id,
        state=OutboundState(row.state),
        attempts=row.attempts,
        not_before=row.not_before,
        sent_at=row.sent_at,
        message_id=row.message_id,
        last_reply=row.last_reply,
    )
