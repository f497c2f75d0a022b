"""When a mail of the queue is due: it waits, and not for a later try, or its worker is gone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, text

from storage.records.mails import MailState
from storage.tables.mails import ReceivedMailRow

# Written out, for with bound values SQLite cannot know that the partial index holds these rows.
IN_QUEUE = text("received_mail.state IN ('received', 'claimed')")


def due(now: datetime) -> ColumnElement[bool]:
    """The condition on a mail of the queue."""
    fresh = ReceivedMailRow.state == MailState.RECEIVED
    orphaned = and_(ReceivedMailRow.state == MailState.CLAIMED, ReceivedMailRow.claimed_until <= now)
    return or_(
        and_(fresh, or_(ReceivedMailRow.not_before.is_(None), ReceivedMailRow.not_before <= now)), orphaned
    )
