"""Lets retention make way for mail: small batches and rests while mail comes in, large ones while none does."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from storage.store import Store

LONGEST_BATCH_SECONDS = 0.02  # while mail comes in: nobody else writes to SQLite meanwhile
SMALLEST_BATCH, LARGEST_BATCH = 5, 200  # records
REST_SHARE = 4.0  # of the time a batch took, while mail comes in
REST_SHARE_LATE = 1.0  # the same when retention is late: it must not fall behind for ever
LATE = timedelta(days=1)
LONGEST_REST = 1.0  # seconds


class Pace:
    """Called after each batch with its size; rests if mail came in meanwhile, and says how large the next may be."""

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
        self._clock = clock
        self._sleep = sleep
        self._newest = self._newest_mail()
        self._began = clock()

    def __call__(self, size: int) -> int:
        """Raises StorageUnavailable."""
        took = self._clock() - self._began
        newest = self._newest_mail()
        busy = newest != self._newest
        if busy:
            self._sleep(rest(took, self._share))
        self._newest = newest
        self._began = self._clock()
        return next_size(size, took, busy=busy)

    def _newest_mail(self) -> datetime | None:
        with self._store.reading() as records:
            return records.mails.newest_received()


def rest(batch_seconds: float, share: float = REST_SHARE) -> float:
    """How long to rest after a batch that took so long, in seconds."""
    return min(batch_seconds * share, LONGEST_REST)


def next_size(size: int, batch_seconds: float, *, busy: bool) -> int:
    """Records of the next batch, after one of `size`: half as many when it took too long, else twice as many."""
    if busy and batch_seconds > LONGEST_BATCH_SECONDS:
        return max(SMALLEST_BATCH, size // 2)
    if busy and batch_seconds * 2 > LONGEST_BATCH_SECONDS:
        return size
    return min(LARGEST_BATCH, size * 2)
