"""Browsers that are signed in: of each only the digest of its cookie is kept, and each can be ended from here."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.engine import Connection

from storage.ids import new_id
from storage.records.people import PortalSession
from storage.tables.people import PortalSessionRow

IDLE_END = timedelta(hours=12)  # a session that is not used that long is over
ABSOLUTE_END = timedelta(days=14)  # one that is used, too
NOTE_AFTER = timedelta(minutes=1)  # how exactly the last use is known; each note is a write


class Sessions:
    """The table of sessions within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, user_id: str, now: datetime) -> str:
        """Signs a user in; the token (256 bits) that the browser has to show. It is not kept."""
        token = secrets.token_urlsafe(32)
        self._connection.execute(
            insert(PortalSessionRow).values(
                id=new_id(),
                token_digest=_digest(token),
                user_id=user_id,
                created_at=now,
                last_seen_at=now,
                expires_at=now + ABSOLUTE_END,
            )
        )
        return token

    def live(self, token: str, now: datetime) -> PortalSession | None:
        """The session with this token, if it is not over at `now`."""
        row = self._connection.execute(
            select(PortalSessionRow.__table__).where(
                PortalSessionRow.token_digest == _digest(token),
                PortalSessionRow.expires_at > now,
                PortalSessionRow.last_seen_at > now - IDLE_END,
            )
        ).one_or_none()
        return _record(row) if row else None

    def seen(self, session: PortalSession, now: datetime) -> None:
        """Notes that a session is in use; not more often than once in NOTE_AFTER (see `needs_note`)."""
        self._connection.execute(
            update(PortalSessionRow).where(PortalSessionRow.id == session.id).values(last_seen_at=now)
        )

    def of_user(self, user_id: str, now: datetime) -> list[PortalSession]:
        """The sessions of a user that are not over, the last used first."""
        query = select(PortalSessionRow.__table__).where(
            PortalSessionRow.user_id == user_id,
            PortalSessionRow.expires_at > now,
            PortalSessionRow.last_seen_at > now - IDLE_END,
        )
        rows = self._connection.execute(query.order_by(PortalSessionRow.last_seen_at.desc()))
        return [_record(row) for row in rows]

    def end(self, session_id: str, user_id: str) -> None:
        """Ends a session of this user; nothing happens when it is another's."""
        self._connection.execute(
            delete(PortalSessionRow).where(
                PortalSessionRow.id == session_id, PortalSessionRow.user_id == user_id
            )
        )

    def end_all(self, user_id: str, *, but: str | None = None) -> int:
        """Ends every session of a user, `but` one; how many."""
        condition = PortalSessionRow.user_id == user_id
        if but is not None:
            condition &= PortalSessionRow.id != but
        return self._connection.execute(delete(PortalSessionRow).where(condition)).rowcount

    def remove_ended(self, now: datetime) -> int:
        """Removes the sessions that are over; how many."""
        ended = (PortalSessionRow.expires_at <= now) | (PortalSessionRow.last_seen_at <= now - IDLE_END)
        return self._connection.execute(delete(PortalSessionRow).where(ended)).rowcount


def needs_note(session: PortalSession, now: datetime) -> bool:
    """Whether the last use on record is so long ago that this one should be noted."""
    return now - session.last_seen_at >= NOTE_AFTER


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _record(row: Row[Any]) -> PortalSession:
    return PortalSession(
        id=row.id,
        token_digest=row.token_digest,
        user_id=row.user_id,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
    )
