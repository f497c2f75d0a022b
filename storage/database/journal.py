"""SQLite's journal of changes (its WAL): brought to the disk, into the file, and emptied; PostgreSQL keeps its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
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
                _sync(self._file.with_name(f"{self._file.name}-wal"))

    def relieve(self) -> None:
        """Brings what SQLite's journal holds into the file while others read and write, so that no commit of theirs
        finds it full and has to. Raises StorageUnavailable.
        """
        if self._file is None:
            return
        with named_errors(), closing(self._engine.raw_connection()) as pooled:
            _relieve(pooled.driver_connection)

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
                    # is in it, and a sync of much would hold up everybody.
                    for _ in range(_TRIES):
                        if _relieve(connection):
                            break
                    with self._turn():
                        [busy, *_] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                    if not busy:
                        break
                    time.sleep(_PAUSE_SECONDS)
            finally:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")


def _sync(file: Path) -> None:
    with suppress(FileNotFoundError):
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def _relieve(connection: Any) -> bool:
    """Whether all of the journal is in the file now, and synced: nobody wrote or read older pages meanwhile."""
    [busy, pages, in_file] = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return not busy and bool(pages == in_file)
