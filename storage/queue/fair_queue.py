"""Says which mails of the queue are next, so that a sender of a hundred thousand holds up nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, select, text, union_all
from sqlalchemy.engine import Connection

from storage.queue.due import IN_QUEUE, due
from storage.tables.mails import ReceivedMailRow

# One step along the index a lane, however many mails wait in it.
_NEXT = "SELECT min(lane) FROM received_mail WHERE state IN ('received', 'claimed') AND lane"
_LANES = text(
    f"WITH RECURSIVE lanes(lane, place) AS (SELECT ({_NEXT} >= :first), 1 UNION ALL"  # noqa: S608  -- our own words
    f" SELECT ({_NEXT} > lanes.lane), place + 1 FROM lanes WHERE lane IS NOT NULL AND place < :most)"
    " SELECT lane FROM lanes WHERE lane IS NOT NULL"
)


class FairQueue:
    """Lanes of the queue, one for each domain of reverse-paths, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lanes(self, after: str, most: int) -> list[str]:
        """Lanes in which mails wait: those behind `after` in their order, then those before it."""
        behind = [lane for lane in self._from(after, most + 1) if lane != after][:most]
        if len(behind) == most:
            return behind
        return behind + [lane for lane in self._from("", most) if lane not in behind][: most - len(behind)]

    def due_mails(self, lanes: Sequence[str], now: datetime, limit: int) -> list[str]:
        """Ids of up to `limit` due mails, locked: as many of each lane as can be, then the oldest; oldest first."""
        found: list[str] = []
        if len(lanes) > 1:
            share = -(-limit // len(lanes))
            parts = [self._oldest(now, share, lane).subquery() for lane in lanes]
            found += self._connection.scalars(union_all(*(select(part.c.id) for part in parts)))
        if len(found) < limit:
            oldest = list(self._connection.scalars(self._oldest(now, limit)))
            found += [mail_id for mail_id in oldest if mail_id not in found]
        return sorted(found[:limit])

    def _from(self, first: str, most: int) -> list[str]:
        return list(self._connection.scalars(_LANES, {"first": first, "most": most}))

    def _oldest(self, now: datetime, limit: int, lane: str | None = None) -> Select[str]:
        query = select(ReceivedMailRow.id).where(IN_QUEUE, due(now))
        if lane is not None:
            query = query.where(ReceivedMailRow.lane == lane)
        return query.order_by(ReceivedMailRow.id).limit(limit).with_for_update(skip_locked=True)
