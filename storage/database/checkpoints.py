"""Brings what SQLite's log of changes holds into the database file, beside the commits and not within them."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

# What a commit may find in the log before it must bring it into the file itself (SQLite does so at 1,000 pages).
# We are there long before; this holds where nobody else does it, and where we cannot keep up.
MOST_PAGES = 8000
OCTETS_BETWEEN = 8 * 1024 * 1024


class Checkpoints:
    """A thread with a connection of its own; SQLite lets it work while others read and write (PASSIVE).

    A commit that meets a full log would wait for two syncs of the whole file, and every session with it.
    """

    def __init__(self, file: Path) -> None:
        """`file` is the database. Raises sqlite3.Error when it is not there."""
        # Not to make a file anew that somebody removed.
        self._connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=rw", uri=True, check_same_thread=False
        )
        self._octets = 0
        self._due = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def committed(self, octets: int) -> None:
        """So much more is in the log."""
        self._octets += octets
        if self._octets >= OCTETS_BETWEEN:
            self._octets = 0
            self._due.set()

    def close(self) -> None:
        """Ends the thread after what it is at."""
        self._ended = True
        self._due.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._ended:
                return
            # Busy, a full disk, a disk that fails: the commit that finds the log full tries it again, and says so.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
