"""Counts how often something was tried lately, for all processes together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.engine import Connection

from storage.tables.people import ThrottleRow

LONGEST = timedelta(days=1)  # no limit counts longer than that


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may be tried within a time."""

    tries: int
    within: timedelta


class Throttles:
    """The table of counted tries within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def allows(self, what: str, whom: str, limit: Limit, now: datetime) -> bool:
        """Counts a try of `what` by or for `whom`, and says whether it is within the limit."""
        key = _key(what, whom)
        over = ThrottleRow.began_at <= now - limit.within
        tries: int | None = self._connection.scalar(
            update(ThrottleRow)
            .where(ThrottleRow.key == key)
            .values(
                tries=case((over, 1), else_=ThrottleRow.tries + 1),
                began_at=case((over, now), else_=ThrottleRow.began_at),
            )
            .returning(ThrottleRow.tries)
        )
        if tries is None:
            # Of two first tries at once one meets a Conflict, and the page says "try again".
            self._connection.execute(insert(ThrottleRow).values(key=key, began_at=now, tries=1))
            return limit.tries >= 1
        return tries <= limit.tries

    def spent(self, what: str, whom: str, limit: Limit, now: datetime) -> bool:
        """Whether the limit is reached, without counting."""
        tries = self._connection.scalar(
            select(ThrottleRow.tries).where(
                ThrottleRow.key == _key(what, whom), ThrottleRow.began_at > now - limit.within
            )
        )
        return tries is not None and tries >= limit.tries

    def forget(self, what: str, whom: str) -> None:
        """Begins to count anew, after a try that was right."""
        self._connection.execute(delete(ThrottleRow).where(ThrottleRow.key == _key(what, whom)))

    def remove_ended(self, now: datetime) -> int:
        """Removes what no limit counts any more; how many."""
        return self._connection.execute(
            delete(ThrottleRow).where(ThrottleRow.began_at <= now - LONGEST)
        ).rowcount


def _key(what: str, whom: str) -> bytes:
    return hashlib.sha256(f"{what}:{whom}".encode()).digest()
