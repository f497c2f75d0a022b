"""SQLite's journal of changes (its WAL): brought to the disk, into the file, and emptied; PostgreSQL keeps its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from storage.database.engine import BUSY_SECONDS
from storage.database.named_errors import named_errors

_TRIES = 20
_PAUSE_SECONDS = 0.05


class Journal:
    """That of one database; nothing is to be done where there is none."""

    def __init__(
        self, engine: Engine, file: Path | None, turn: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """`file` is SQLite's, None for PostgreSQL; `turn` is waited for before writing."""
        self._engine = engine
        self._file = file
        self._turn = turn

    def sync(self) -> None:
        """Has the disk take what SQLite's journal holds, in nobody's turn, so that the next commit of somebody who
        waits for the disk finds little left. Raises StorageUnavailable.
        """
        if self._file is not None:
            with named_errors():
                _sync(_beside(self._file))

    def relieve(self) -> int:
        """Brings what SQLite's journal holds into the file while others read and write, so that no commit of theirs
        finds it full and has to; how many pages that was. Raises StorageUnavailable.
        """
        if self._file is None:
            return 0
        with named_errors(), closing(self._engine.raw_connection()) as pooled:
            return _relieve(pooled.driver_connection)

    def forget(self) -> None:
        """Empties SQLite's journal, which has copies of what was deleted; where readers are in the way, the next
        call does it. Raises StorageUnavailable.
        """
        if self._file is None:
            return
        with named_errors(), closing(self._engine.raw_connection()) as pooled:
            connection: Any = pooled.driver_connection
            # Whoever reads just now is waited for outside the turn, so that others can write meanwhile.
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                for _ in range(_TRIES):
                    # Within the turn only what came in since is left to do. The file is synced by the time that all
                    # is in it, and a sync of much would hold up everybody; so would the memory of a long journal.
                    _relieve(connection)
                    _let_memory_go(_beside(self._file))
                    with self._turn():
                        [busy, *_] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                    if not busy:
                        break
                    time.sleep(_PAUSE_SECONDS)
            finally:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")


def _beside(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")


def _sync(file: Path) -> None:
    with _opened(file) as descriptor:
        if descriptor is not None:
            os.fdatasync(descriptor)


def _let_memory_go(file: Path) -> None:
    """Has the kernel drop its copies of what is on the disk; to cut the file takes less than half the time then."""
    with _opened(file) as descriptor:
        if descriptor is not None:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def _opened(file: Path) -> Iterator[int | None]:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _relieve(connection: Any) -> int:
    """How many pages the journal had, all of them in the file now, and synced; fewer where readers need older ones.

    The next commit begins the journal anew only where nothing came in meanwhile, and while much was brought into the
    file something did; it grew on and on until a commit found it full. So it goes on until there is nothing new.
    """
    before, most = -1, 0
    for _ in range(_TRIES):
        [busy, pages, _in_file] = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        most = max(most, pages)
        if busy or pages == before:
            break
        before = pages
    return most
