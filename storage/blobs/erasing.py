"""Keeps retention from erasing octets in the log beside SQLite while a backup reads them."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import StorageUnavailable

PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.05


class ErasingLock:
    """A file beside the database: many may keep, or one may erase.

    What is erased later is not on record any more meanwhile; the next run of retention gives its place back.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}-erase-lock")

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Nobody erases inside the block. Raises StorageUnavailable when somebody does and does not end."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        with self._opened() as descriptor:
            while not _taken(descriptor, fcntl.LOCK_SH):
                if time.monotonic() > give_up_at:
                    raise StorageUnavailable(
                        "retention has been erasing for too long; try again when it has ended"
                    )
                time.sleep(_PAUSE_SECONDS)
            yield

    @contextmanager
    def erasing(self) -> Iterator[bool]:
        """Whether it may be erased inside the block: not while a backup reads."""
        with self._opened() as descriptor:
            yield _taken(descriptor, fcntl.LOCK_EX)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
