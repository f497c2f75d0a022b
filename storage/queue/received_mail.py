"""Received mails: the queue from the commit before `250` to the filing, and what is known of each mail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    exists,
    func,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.engine import Connection

from storage import codec
from storage.blobs.stored_octets import StoredOctets
from storage.database.chunks import chunks
from storage.database.many_rows import update_rows
from storage.errors import NotFound
from storage.filed import tally
from storage.filed.tally import Tally
from storage.queue.due import IN_QUEUE, due
from storage.queue.fair_queue import FairQueue
from storage.queue.filing_rows import write_added
from storage.records.filing import Filing
from storage.records.invoices import Assignment
from storage.records.mails import Envelope, MailState, Outcome, ReceivedMail, Waiting
from storage.records.reading import Message
from storage.tables.base import table_of
from storage.tables.mails import ReceivedMailRow

_MAIL = ReceivedMailRow.__table__
# Written out, for with bound values SQLite cannot know that the partial index holds these rows.
_IN_QUARANTINE = text("received_mail.state = 'quarantined'")
_ENDED_BY_FILING = ("claimed_by", "claimed_until", "not_before", "authentication")


class ReceivedMails:
    """The table of received mails within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._octets = StoredOctets(connection)

    def lanes(self, after: str, most: int) -> list[str]:
        """Lanes of the queue in which mails wait, those behind `after` first: domains of reverse-paths."""
        return FairQueue(self._connection).lanes(after, most)

    def claim(
        self, *, by: str, now: datetime, lease: timedelta, limit: int, lanes: Sequence[str] = ()
    ) -> list[str]:
        """Claims up to `limit` queued mails for `by` until `now + lease`; their ids, oldest first.

        Of each of `lanes` as many as of any other, as long as it has some; without lanes the oldest.
        Mails whose lease has run out are claimed again: their worker is gone.
        """
        ids = FairQueue(self._connection).due_mails(lanes, now, limit)
        if ids:
            self._connection.execute(
                update(ReceivedMailRow)
                .where(ReceivedMailRow.id.in_(ids))
                .values(
                    state=MailState.CLAIMED,
                    claimed_by=by,
                    claimed_until=now + lease,
                )
            )
        return ids

    def has_due(self, now: datetime) -> bool:
        """Whether any mail in the queue can be claimed at `now`; asking costs no write lock."""
        return self._connection.scalar(select(exists().where(IN_QUEUE, due(now)))) or False

    def waiting(self, now: datetime, most: int) -> Waiting:
        """What can be claimed at `now`, counted up to `most`; asking costs no write lock."""
        first = (
            select(ReceivedMailRow.id, ReceivedMailRow.received_at)
            .where(IN_QUEUE, due(now))
            .order_by(ReceivedMailRow.id)
            .limit(most)
            .subquery()
        )
        count, oldest, since = self._connection.execute(
            select(func.count(), func.min(first.c.id), func.min(first.c.received_at))
        ).one()
        at_work = 0 < count < most and self._connection.scalar(
            select(exists().where(IN_QUEUE, _at_work(now)))
        )
        return Waiting(due=count, oldest=oldest, since=since, at_work=bool(at_work))

    def renew(self, ids: Sequence[str], *, by: str, until: datetime) -> None:
        """Keeps claimed mails for `by` until `until`; not those that are being recorded at this moment.

        To wait for these would be to wait for each other: a recorder locks mails in the order they were read in.
        """
        held = (
            select(ReceivedMailRow.id)
            .where(ReceivedMailRow.id.in_(ids), ReceivedMailRow.claimed_by == by)
            .where(ReceivedMailRow.state == MailState.CLAIMED)
            .with_for_update(skip_locked=True)
        )
        self._connection.execute(
            update(ReceivedMailRow).where(ReceivedMailRow.id.in_(held)).values(claimed_until=until)
        )

    def release(self, *, by: str) -> int:
        """Puts every mail that `by` holds back into the queue; their number."""
        result = self._connection.execute(
            update(ReceivedMailRow)
            .where(IN_QUEUE, ReceivedMailRow.state == MailState.CLAIMED, ReceivedMailRow.claimed_by == by)
            .values(state=MailState.RECEIVED, claimed_by=None, claimed_until=None)
        )
        return result.rowcount

    def claimants(self) -> list[str]:
        """Everyone who holds a mail now."""
        return list(
            self._connection.scalars(
                select(ReceivedMailRow.claimed_by)
                .where(IN_QUEUE, ReceivedMailRow.state == MailState.CLAIMED)
                .where(ReceivedMailRow.claimed_by.is_not(None))
                .distinct()
            )
        )

    def file(self, filing: Filing, *, by: str) -> bool:
        """Writes everything a mail adds to the records and takes it off the queue.

        False, and nothing is written, when `by` no longer holds the mail: another worker has it.
        Raises Conflict when what the filing assumes has changed meanwhile.
        """
        if not self.held([filing.mail_id], by=by):
            return False
        self.file_all([filing])
        return True

    def file_all(self, filings: Sequence[Filing]) -> None:
        """The same of some mails that were found to be `held` within this transaction: as many statements as for one.

        Each may assume what those before it add. Raises Conflict; then nothing of any of them must stay.
        """
        rows = [_filed_values(filing) for filing in filings]
        update_rows(self._connection, table_of(ReceivedMailRow), rows, _ENDED_BY_FILING)
        write_added(self._connection, filings)
        filed = sum(filing.outcome is not Outcome.QUARANTINED for filing in filings)
        Tally(self._connection).add({tally.mails(MailState.FILED): filed})

    def held(self, ids: Iterable[str], *, by: str) -> dict[str, ReceivedMail]:
        """Those of these mails that `by` still holds, by id; nobody else gets them before this transaction ends."""
        query = select(_MAIL).where(
            ReceivedMailRow.claimed_by == by, ReceivedMailRow.state == MailState.CLAIMED
        )
        return {
            row.id: _record(row)
            for chunk in chunks(sorted(ids))
            for row in self._connection.execute(
                query.where(ReceivedMailRow.id.in_(chunk)).order_by(ReceivedMailRow.id).with_for_update()
            )
        }

    def failed(self, mail_id: str, *, by: str, reason: str, not_before: datetime) -> int:
        """Puts a mail back into the queue after a failure, due again at `not_before`; its failures so far."""
        self._connection.execute(
            update(ReceivedMailRow)
            .where(ReceivedMailRow.id == mail_id, ReceivedMailRow.claimed_by == by)
            .values(
                state=MailState.RECEIVED,
                claimed_by=None,
                claimed_until=None,
                not_before=not_before,
                reason=reason,
                failures=ReceivedMailRow.failures + 1,
            )
        )
        return self.get(mail_id).failures

    def requeue(self, mail_id: str, assignment: Assignment | None = None) -> None:
        """Puts a quarantined mail into the queue again, with an operator's decision whose it is if there is one.

        Raises NotFound when it is not in quarantine.
        """
        result = self._connection.execute(
            update(ReceivedMailRow)
            .where(ReceivedMailRow.id == mail_id, ReceivedMailRow.state == MailState.QUARANTINED)
            .values(
                state=MailState.RECEIVED,
                outcome=None,
                reason=None,
                failures=0,
                expires_at=None,
                lane=func.coalesce(ReceivedMailRow.lane, ""),
                assignment=codec.assignment_to_json(assignment) if assignment else None,
            )
        )
        if not result.rowcount:
            raise NotFound(f"no mail {mail_id} is in quarantine")

    def discard(self, mail_id: str, *, reason: str) -> None:
        """Takes a mail out of quarantine for good; its octets stay until it expires.

        Raises NotFound when it is not in quarantine.
        """
        result = self._connection.execute(
            update(ReceivedMailRow)
            .where(ReceivedMailRow.id == mail_id, ReceivedMailRow.state == MailState.QUARANTINED)
            .values(state=MailState.FILED, outcome=Outcome.NO_INVOICE, reason=reason)
        )
        if not result.rowcount:
            raise NotFound(f"no mail {mail_id} is in quarantine")
        Tally(self._connection).add({tally.mails(MailState.FILED): 1})

    def get(self, mail_id: str) -> ReceivedMail:
        """One mail. Raises NotFound."""
        row = self._connection.execute(select(_MAIL).where(ReceivedMailRow.id == mail_id)).one_or_none()
        if row is None:
            raise NotFound(f"there is no mail {mail_id}")
        return _record(row)

    def states(self, ids: Iterable[str]) -> dict[str, MailState]:
        """The states of some mails."""
        query = select(ReceivedMailRow.id, ReceivedMailRow.state)
        return {
            mail_id: MailState(state)
            for chunk in chunks(ids)
            for mail_id, state in self._connection.execute(query.where(ReceivedMailRow.id.in_(chunk)))
        }

    def sizes(self, ids: Iterable[str]) -> dict[str, int]:
        """How many octets some mails have."""
        query = select(ReceivedMailRow.id, ReceivedMailRow.size)
        return {
            mail_id: size
            for chunk in chunks(ids)
            for mail_id, size in self._connection.execute(query.where(ReceivedMailRow.id.in_(chunk)))
        }

    def by_ids(self, ids: Iterable[str]) -> dict[str, ReceivedMail]:
        """Mails by id; ids without a mail are left out."""
        return {
            row.id: _record(row)
            for chunk in chunks(ids)
            for row in self._connection.execute(select(_MAIL).where(ReceivedMailRow.id.in_(chunk)))
        }

    def select(
        self,
        *,
        outcome: Outcome | None = None,
        since: datetime | None = None,
        ids_from: str = "",
        behind: ReceivedMail | None = None,
        size: int | None = None,
    ) -> list[ReceivedMail]:
        """Mails, newest first; up to `size` of those `behind` one.

        `ids_from`: what no id is below of those received `since` then.
        """
        query: Select[Any] = select(_MAIL).order_by(ReceivedMailRow.id.desc())
        if outcome is not None:
            query = query.where(ReceivedMailRow.outcome == outcome)
        if since is not None:
            query = query.where(ReceivedMailRow.received_at >= since)
        if ids_from:
            query = query.where(ReceivedMailRow.id >= ids_from)
        if behind is not None:
            query = query.where(ReceivedMailRow.id < behind.id)
        return [_record(row) for row in self._connection.execute(query.limit(size))]

    def in_quarantine(self) -> list[ReceivedMail]:
        """Mails that wait for an operator, newest first."""
        query = select(_MAIL).where(_IN_QUARANTINE).order_by(ReceivedMailRow.id.desc())
        return [_record(row) for row in self._connection.execute(query)]

    def octets(self, mail_id: str) -> bytes:
        """The content of a mail as it came after DATA. Raises NotFound, also once it is deleted, and OSError."""
        return b"".join(self.chunks(mail_id))

    def chunks(self, mail_id: str) -> Iterator[bytes]:
        """The octets of a mail in pieces, so that a large one is never in memory whole.

        Raises NotFound; OSError when the log of octets cannot be read.
        """
        return self._octets.pieces(mail_id)

    def trace(self, mail_id: str) -> bytes:
        """Our Received field of a mail (RFC 5321 4.4); empty for a replayed file."""
        return (
            self._connection.scalar(select(ReceivedMailRow.trace).where(ReceivedMailRow.id == mail_id)) or b""
        )

    def counts(self) -> dict[MailState, int]:
        """How many mails are in each state.

        Those that wait are counted, the others were when they came to it: they may be millions.
        """
        by_state = select(ReceivedMailRow.state, func.count()).group_by(ReceivedMailRow.state)
        query: Any = by_state
        if Tally(self._connection).counted_at() is not None:
            query = union_all(
                by_state.where(IN_QUEUE), by_state.where(_IN_QUARANTINE), tally.kept(tally.MAIL)
            )
        return {MailState(state): int(count) for state, count in self._connection.execute(query) if count}

    def queued(self) -> int:
        """How many mails wait to be filed or are being read."""
        return self._connection.scalar(select(func.count()).select_from(ReceivedMailRow).where(IN_QUEUE)) or 0

    def quarantined(self) -> int:
        """How many mails wait for an operator."""
        return (
            self._connection.scalar(select(func.count()).select_from(ReceivedMailRow).where(_IN_QUARANTINE))
            or 0
        )

    def newest_received(self) -> datetime | None:
        """When the newest mail was received."""
        return self._connection.scalar(
            select(ReceivedMailRow.received_at).order_by(ReceivedMailRow.id.desc()).limit(1)
        )

    def oldest_queued(self) -> datetime | None:
        """When the oldest mail in the queue was received."""
        return self._connection.scalar(select(func.min(ReceivedMailRow.received_at)).where(IN_QUEUE))


def _at_work(now: datetime) -> ColumnElement[bool]:
    """The condition on a mail of the queue that a worker is at."""
    return and_(ReceivedMailRow.state == MailState.CLAIMED, ReceivedMailRow.claimed_until > now)


def _filed_values(filing: Filing) -> dict[str, Any]:
    quarantined = filing.outcome is Outcome.QUARANTINED
    return {
        "id": filing.mail_id,
        "state": MailState.QUARANTINED if quarantined else MailState.FILED,
        "outcome": filing.outcome,
        "reason": filing.reason,
        "message_id": filing.message.message_id if filing.message else None,
        "content": codec.message_to_json(filing.message) if filing.message else None,
        "expires_at": filing.expires_at,
        "sender_check_at": filing.filed_at or filing.received_at,
    }


def _record(row: Row[Any]) -> ReceivedMail:
    message: Message | None = codec.message_from_json(row.content) if row.content else None
    return ReceivedMail(
        id=row.id,
        received_at=row.received_at,
        state=MailState(row.state),
        outcome=Outcome(row.outcome) if row.outcome else None,
        reason=row.reason,
        envelope=Envelope(
            reverse_path=row.reverse_path or "",
            forward_paths=tuple(row.forward_paths or ()),
            peer=row.peer,
            helo=row.helo,
            tls=row.tls,
            received_at=row.received_at,
        ),
        size=row.size,
        failures=row.failures,
        message_id=row.message_id,
        message=message,
        expires_at=row.expires_at,
        deleted_at=row.deleted_at,
        authentication=codec.authentication_from_json(row.authentication) if row.authentication else None,
        assignment=codec.assignment_from_json(row.assignment) if row.assignment else None,
    )
