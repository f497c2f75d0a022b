"""Lets retention make way for mail: it rests after each batch, the longer the busier the mailbox is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from storage.store import Store

REST_SHARE = 4.0  # of the time a batch took, while mail comes in
LONGEST_REST = 1.0  # seconds


class Pace:
    """Called after each batch. Quiet: on at once; mail came in meanwhile: a rest that leaves most of the time to it."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._newest = self._newest_mail()
        self._began = clock()

    def __call__(self) -> None:
        """Rests, if need be. Raises StorageUnavailable."""
        newest = self._newest_mail()
        if newest != self._newest:
            self._sleep(rest(self._clock() - self._began))
        self._newest = newest
        self._began = self._clock()

    def _newest_mail(self) -> datetime | None:
        with self._store.reading() as records:
            return records.mails.newest_received()


def rest(batch_seconds: float) -> float:
    """How long to rest after a batch that took so long, in seconds."""
    return min(batch_seconds * REST_SHARE, LONGEST_REST)
