"""Wakes the workers of other processes and machines, and is woken by them, where the database has a bell."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ingest import mail_log
from storage.errors import StorageUnavailable
from storage.queue.bell import NobodyRings
from storage.store import Store

# A bell that rings all the time says nothing more, and each ring is a transaction beside those of the mails.
_AT_MOST_EVERY_SECONDS = 0.05
_AGAIN_SECONDS = 1.0
_LONGEST_AGAIN_SECONDS = 30.0


class Ringing:
    """Rings in a thread of its own, so that no session waits for it; what comes meanwhile is one ring."""

    def __init__(self, store: Store) -> None:
        self._bell = store.bell
        self._wanted = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ringing")

    def ring(self) -> None:
        """There is mail; from any thread."""
        self._wanted.set()

    def start(self) -> None:
        """Begins to work in the background."""
        if self._bell is not None:
            self._thread.start()

    def stop(self) -> None:
        """Rings no more."""
        self._stop.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while self._wanted.wait() and not self._stop.is_set():
            self._wanted.clear()
            try:
                if self._bell is not None:
                    self._bell.ring()
            except StorageUnavailable:
                self._stop.wait(
                    _AGAIN_SECONDS
                )  # workers look for themselves, and whoever takes mail has noted it
            self._stop.wait(_AT_MOST_EVERY_SECONDS)


class Hearing:
    """Listens in a thread of its own, and again when the connection is lost."""

    def __init__(self, store: Store, hear: Callable[[], None]) -> None:
        self._bell = store.bell
        self._hear = hear
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hearing")

    def start(self) -> None:
        """Begins to work in the background."""
        if self._bell is not None:
            self._thread.start()

    def stop(self) -> None:
        """Listens no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = _AGAIN_SECONDS
        while self._bell is not None and not self._stop.is_set():
            try:
                self._bell.listen(self._hear, self._stop)
            except NobodyRings:
                mail_log.not_woken()
                return
            except StorageUnavailable as error:
                mail_log.store_unavailable("listen", error, pause)
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_AGAIN_SECONDS)
            else:
                pause = _AGAIN_SECONDS
