"""Lets one writer at a time into an SQLite file: threads of a process and processes of a machine queue up here."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import StorageUnavailable

PATIENCE_SECONDS = 10.0
_PAUSES_SECONDS = (0.0001, 0.0002, 0.0005)  # a turn of retention takes about 0.5 ms; the last one is repeated


class WriterLock:
    """The turn to write. SQLite's own way, asking again and again in growing pauses, is slower and unfair.

    The lock is a file beside the database, for the database's own file must not be opened and closed a second time:
    that would drop SQLite's locks on it. SQLite's locks still hold; this one only orders who comes next.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + "-lock")
        self._thread = threading.Lock()
        self._descriptor: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Has the turn inside the block. Raises StorageUnavailable when nobody else ends theirs."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        if not self._thread.acquire(timeout=PATIENCE_SECONDS):
            raise StorageUnavailable("another thread has been writing for too long")
        try:
            descriptor = self._opened()
            pauses = iter(_PAUSES_SECONDS)
            while not _taken(descriptor):
                if time.monotonic() > give_up_at:
                    raise StorageUnavailable("another process has been writing for too long")
                time.sleep(next(pauses, _PAUSES_SECONDS[-1]))
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            self._thread.release()

    def close(self) -> None:
        """Gives the file back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        return self._descriptor


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
