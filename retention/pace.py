"""Lets retention make way for mail: short turns and rests while mail comes in, longer ones while none does."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from storage.store import Store

# Nobody else writes to SQLite during a batch. The first is about what a mail itself takes.
LONGEST_BATCH_SECONDS = 0.002  # while mail comes in
# While none does: the next mail may meet one, whenever it comes. On PostgreSQL also while mail comes in: there nobody
# waits for a batch, and as one takes some round trips, it had a single record in two milliseconds.
LONGEST_QUIET_BATCH_SECONDS = 0.02
QUIET_SECONDS = 5.0  # without mail, before it counts as quiet
SMALLEST_BATCH, LARGEST_BATCH = 1, 200  # records
REST_SHARE = 16.0  # of the time a batch took, while mail comes in
REST_SHARE_LATE = 1.0  # the same when retention is late: it must not fall behind for ever
LATE = timedelta(days=1)
LONGEST_REST = 1.0  # seconds
ASKED_EVERY = 0.25  # seconds; whether mail came in costs as much as half a batch of one record


class Pace:
    """Told of each batch; rests after it while mail comes in, and says how large the next may be."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        share: float = REST_SHARE,
    ) -> None:
        """`share` is how long it rests, in times of the batch before."""
        self._store = store
        self._share = share
        self._longest_busy = (
            LONGEST_QUIET_BATCH_SECONDS if store.takes_writers_at_once else LONGEST_BATCH_SECONDS
        )
        self._clock = clock
        self._sleep = sleep
        self._newest = self._newest_mail()
        self._began = self._heard = self._asked = clock()

    def begins(self) -> None:
        """A batch has its turn to write from now on."""
        self._began = self._clock()

    def ended(self, size: int) -> int:
        """A batch of up to `size` records is done; the size of the next. Raises StorageUnavailable."""
        now = self._clock()
        took = now - self._began
        if now - self._asked >= ASKED_EVERY:
            self._ask(now)
        busy = now - self._heard < QUIET_SECONDS
        if busy:
            self._sleep(rest(took, self._share))
        return next_size(size, took, self._longest_busy if busy else LONGEST_QUIET_BATCH_SECONDS)

    def _ask(self, now: float) -> None:
        self._asked = now
        newest = self._newest_mail()
        if newest != self._newest:
            self._newest, self._heard = newest, now

    def _newest_mail(self) -> datetime | None:
        with self._store.reading() as records:
            return records.mails.newest_received()


def rest(batch_seconds: float, share: float = REST_SHARE) -> float:
    """How long to rest after a batch that took so long, in seconds."""
    return min(batch_seconds * share, LONGEST_REST)


def next_size(size: int, batch_seconds: float, longest: float) -> int:
    """Records of the next batch, after one of `size`: half as many when it took longer than `longest` (seconds), else
    twice as many.
    """
    if batch_seconds > longest:
        return max(SMALLEST_BATCH, size // 2)
    if batch_seconds * 2 > longest:
        return size
    return min(LARGEST_BATCH, size * 2)
