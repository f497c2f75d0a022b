"""Brings the octets of filed mails to the place that is set for them, when there is nothing else to do."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence

from ingest import mail_log
from ingest.processing.calls import Calls
from ingest.processing.loading import groups
from storage.blobs.place import BlobPlace
from storage.errors import NotFound, StorageUnavailable
from storage.store import Store

AT_ONCE = 32
_LOOKED_AT = 16 * AT_ONCE
AGAIN_SECONDS = 1.0  # from when a mail was filed to when we look, and between the first two tries
LONGEST_PAUSE_SECONDS = 60.0  # between two tries while the place is away


class Keeper:
    """A thread; receiving and filing need the database only, so a place that is away holds up nothing."""

    def __init__(self, store: Store, place: BlobPlace) -> None:
        self._store = store
        self._place = place
        self._lost: set[str] = set()  # noted once
        self._calls = Calls()
        self._stop = self._calls.stopped
        self._thread = threading.Thread(target=self._run, name="keeper")

    def start(self) -> None:
        """Begins to work in the background."""
        self._thread.start()

    def call(self) -> None:
        """A mail was filed; from any thread."""
        self._calls.call()

    def stop(self) -> None:
        """Takes nothing more and waits for the mail at hand."""
        self._calls.stop()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = AGAIN_SECONDS
        while not self._stop.is_set():
            try:
                moved = self._batch()
            except StorageUnavailable as error:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                mail_log.store_unavailable("move octets", error, pause)
                self._stop.wait(pause)
                continue
            except Exception as error:
                mail_log.keeper_died(error)
                return
            pause = AGAIN_SECONDS
            if not moved:
                self._calls.wait(AGAIN_SECONDS)

    def _batch(self) -> int:
        """How many mails were moved. Raises StorageUnavailable."""
        waiting = self._store.octets.elsewhere(self._place, _LOOKED_AT + len(self._lost))
        # Keepers of other nodes see the same: by chance each takes others, and twice does no harm.
        waiting = random.sample(waiting, min(len(waiting), AT_ONCE + len(self._lost)))
        waiting = [mail_id for mail_id in waiting if mail_id not in self._lost]
        begun, moved = time.monotonic(), list[int]()
        for group in groups(self._store, waiting):
            if self._stop.is_set():
                break
            moved += self._move(group)
        if moved:
            mail_log.octets_moved(len(moved), sum(moved), (time.monotonic() - begun) * 1000)
        return len(moved)

    def _move(self, group: Sequence[str]) -> Iterator[int]:
        """How many octets each mail had that was moved."""
        together = self._store.octets.move_together(group, self._place)
        yield from together.values()
        for mail_id in group:
            if mail_id not in together and not self._stop.is_set():
                try:
                    size = self._store.octets.move(mail_id, self._place)
                except NotFound as error:
                    self._lost.add(mail_id)
                    mail_log.octets_lost(mail_id, str(error))
                    continue
                if size is not None:
                    yield size
