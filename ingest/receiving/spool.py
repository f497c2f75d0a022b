"""Keeps the octets of a mail while it arrives: in memory while there is room, else in a file without a name."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from typing import TYPE_CHECKING

from storage.records.mails import CHUNK_OCTETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LARGEST_IN_MEMORY = 2 * 1024 * 1024  # octets of one mail


class MemoryBudget:
    """How many octets of mails all sessions of a process may hold in memory together."""

    def __init__(self, octets: int = 12 * 1024 * 1024) -> None:
        self.octets = octets
        self._left = octets
        self._lock = threading.Lock()  # a mail may be let go by the thread that stored it

    def take(self, octets: int) -> bool:
        """Whether there is room for so many more; then they count."""
        with self._lock:
            if octets > self._left:
                return False
            self._left -= octets
            return True

    def give_back(self, octets: int) -> None:
        """So many are no longer held."""
        with self._lock:
            self._left += octets


class Spool:
    """The content of one mail (a `MailContent`).

    Memory and file are given back when nobody holds it any more, and not before: a commit may still read from
    it when the session that received it has been cut off. The file has no name, so a killed process leaves none.
    """

    def __init__(self, budget: MemoryBudget, folder: Path) -> None:
        """`folder` is where a large mail is kept; it should be on the disk of the database."""
        self._budget = budget
        self._folder = folder
        self._pieces: list[bytes] = []
        self._in_memory = 0
        self._descriptor: int | None = None
        self.size = 0

    def __del__(self) -> None:
        self._let_go_of_memory()
        if self._descriptor is not None:
            os.close(self._descriptor)

    @property
    def spilled(self) -> bool:
        """True when the mail lies in a file."""
        return self._descriptor is not None

    def add(self, piece: bytes) -> bool:
        """Keep a piece in memory; False when it has to go to the file, by `spill`."""
        octets = len(piece)
        if self.spilled or self._in_memory + octets > LARGEST_IN_MEMORY or not self._budget.take(octets):
            return False
        self._pieces.append(piece)
        self._in_memory += octets
        self.size += octets
        return True

    async def spill(self, piece: bytes) -> None:
        """Write a piece to the file, in a thread: a disk may be slow. Raises OSError, and is unusable then."""
        await asyncio.to_thread(self._write, piece)

    def chunks(self) -> Iterator[bytes]:
        """See `MailContent`. Raises OSError when the file cannot be read."""
        if self._descriptor is None:
            octets = b"".join(self._pieces)
            if len(octets) <= CHUNK_OCTETS:
                yield octets
            else:
                yield from (octets[at : at + CHUNK_OCTETS] for at in range(0, len(octets), CHUNK_OCTETS))
            return
        position = 0
        while position < self.size:
            chunk = os.pread(self._descriptor, CHUNK_OCTETS, position)
            if not chunk:
                raise OSError(f"the file of a mail ends after {position} of {self.size} octets")
            position += len(chunk)
            yield chunk

    def pieces(self) -> Iterable[bytes]:
        """See `MailContent`. Raises OSError when the file cannot be read."""
        return self._pieces if self._descriptor is None else self.chunks()

    def _write(self, piece: bytes) -> None:
        if self._descriptor is None:
            with tempfile.TemporaryFile(dir=self._folder, buffering=0) as file:
                self._descriptor = os.dup(file.fileno())
            for earlier in self._pieces:
                _write_all(self._descriptor, earlier)
            self._let_go_of_memory()
        _write_all(self._descriptor, piece)
        self.size += len(piece)

    def _let_go_of_memory(self) -> None:
        self._pieces.clear()
        self._budget.give_back(self._in_memory)
        self._in_memory = 0


def _write_all(descriptor: int, octets: bytes) -> None:
    left = memoryview(octets)
    while left:
        left = left[os.write(descriptor, left) :]
