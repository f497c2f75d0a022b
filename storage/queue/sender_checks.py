"""Mails whose sender is to be checked: which are due, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, text, update
from sqlalchemy.engine import Connection

from storage import codec
from storage.database.chunks import chunks
from storage.database.many_rows import update_rows
from storage.records.senders import SenderAuthentication
from storage.tables.base import table_of
from storage.tables.mails import ReceivedMailRow

# Written out, for with a bound value SQLite cannot know that the partial index holds these rows.
_TO_CHECK = text("received_mail.sender_check_at IS NOT NULL")


class SenderChecks:
    """The columns of received mails that tell of their senders, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waiting(self, now: datetime, most: int) -> tuple[int, datetime | None]:
        """How many mails are due, counted up to `most`, and since when the longest of them is."""
        due = (
            select(ReceivedMailRow.sender_check_at)
            .where(_TO_CHECK, ReceivedMailRow.sender_check_at <= now)
            .order_by(ReceivedMailRow.sender_check_at)
            .limit(most)
            .subquery()
        )
        count, since = self._connection.execute(select(func.count(), func.min(due.c.sender_check_at))).one()
        return count, since

    def claim(self, *, now: datetime, lease: timedelta, limit: int) -> list[str]:
        """Up to `limit` mails that are due, the longest due first; others find them due again after `lease`."""
        due = (
            select(ReceivedMailRow.id)
            .where(_TO_CHECK, ReceivedMailRow.sender_check_at <= now)
            .order_by(ReceivedMailRow.sender_check_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ids = list(self._connection.scalars(due))
        if ids:
            self._connection.execute(
                update(ReceivedMailRow).where(ReceivedMailRow.id.in_(ids)).values(sender_check_at=now + lease)
            )
        return ids

    def pending(self, ids: Sequence[str]) -> int:
        """How many of these mails have not been checked at all."""
        return len(
            self._connection.scalars(
                select(ReceivedMailRow.id).where(
                    ReceivedMailRow.id.in_(ids),
                    ReceivedMailRow.authentication.is_(None),
                    ReceivedMailRow.sender_check_at.is_not(None),
                )
            ).all()
        )

    def record(self, found: Sequence[tuple[str, SenderAuthentication, datetime | None]]) -> set[str]:
        """What came out of some mails, by id, and when to check again; the ids of those that are not deleted."""
        there = self._locked([mail_id for mail_id, _, _ in found])
        rows = [
            {
                "id": mail_id,
                "authentication": codec.authentication_to_json(authentication),
                "sender_check_at": again_at,
            }
            for mail_id, authentication, again_at in found
            if mail_id in there
        ]
        update_rows(self._connection, table_of(ReceivedMailRow), rows)
        return there

    def give_up(self, ids: Sequence[str]) -> None:
        """Mails without octets have nothing to check."""
        if ids:
            self._connection.execute(
                update(ReceivedMailRow).where(ReceivedMailRow.id.in_(ids)).values(sender_check_at=None)
            )

    def _locked(self, ids: Sequence[str]) -> set[str]:
        """Those of the mails that are still to be checked; nobody deletes them before this transaction ends."""
        query = select(ReceivedMailRow.id).where(ReceivedMailRow.deleted_at.is_(None), _TO_CHECK)
        return {
            mail_id
            for chunk in chunks(sorted(ids))
            for mail_id in self._connection.scalars(
                query.where(ReceivedMailRow.id.in_(chunk)).order_by(ReceivedMailRow.id).with_for_update()
            )
        }
