"""Mails whose sender is to be checked: which are due, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.engine import Connection

from storage import codec
from storage.records.senders import SenderAuthentication
from storage.tables.mails import ReceivedMailRow

# Written out, for with a bound value SQLite cannot know that the partial index holds these rows.
_TO_CHECK = text("received_mail.sender_check_at IS NOT NULL")


class SenderChecks:
    """The columns of received mails that tell of their senders, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_due(self, now: datetime) -> bool:
        """Whether there is anything to check now."""
        due = select(ReceivedMailRow.id).where(_TO_CHECK, ReceivedMailRow.sender_check_at <= now).limit(1)
        return self._connection.scalar(due) is not None

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

    def record(
        self, mail_id: str, authentication: SenderAuthentication, *, again_at: datetime | None
    ) -> bool:
        """What came out, and when to check again; False for a mail whose content was deleted meanwhile."""
        changed = self._connection.execute(
            update(ReceivedMailRow)
            .where(ReceivedMailRow.id == mail_id, ReceivedMailRow.deleted_at.is_(None), _TO_CHECK)
            .values(authentication=codec.authentication_to_json(authentication), sender_check_at=again_at)
        )
        return bool(changed.rowcount)

    def give_up(self, mail_id: str) -> None:
        """A mail without octets has nothing to check."""
        self._connection.execute(
            update(ReceivedMailRow).where(ReceivedMailRow.id == mail_id).values(sender_check_at=None)
        )
