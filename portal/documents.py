"""Takes documents out of mails for the pages, in reader processes of the portal's own."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager

from reading.sandbox import Limits, ReaderPool, ReadingFailed
from storage.records.reading import MailReading

MOST_AT_ONCE = 2  # further requests wait for their turn
PATIENCE_SECONDS = 40.0  # longer than one document may take


class Busy(Exception):  # noqa: N818  -- says what is the matter
    """Every reader is at work, and has been for too long; try again."""


class Documents:
    """A few reader processes that any thread may ask."""

    def __init__(self, at_once: int = MOST_AT_ONCE, limits: Limits | None = None) -> None:
        self._pools = [ReaderPool(1, limits) for _ in range(at_once)]
        self._free: queue.LifoQueue[ReaderPool] = queue.LifoQueue()  # the warm one first
        for pool in self._pools:
            self._free.put(pool)

    def extract(self, octets: bytes, sha256: str) -> bytes | None:
        """The leaf part with this digest; None when there is none. Raises RuntimeError, and Busy."""
        with self._turn() as pool:
            return pool.extract(octets, sha256)

    def render(self, octets: bytes, sha256: str, language: str, number: str | None) -> bytes | None:
        """A readable page of an invoice for machines; None for another document. Raises RuntimeError, and Busy."""
        with self._turn() as pool:
            return pool.render(octets, sha256, language, number=number)

    def read(self, octets: bytes) -> MailReading | ReadingFailed:
        """A whole mail. Raises Busy."""
        with self._turn() as pool:
            failed = pool.start("mail", octets)
            while failed is None:
                for _, reading in pool.finished(PATIENCE_SECONDS):
                    return reading
            return failed

    def close(self) -> None:
        """Ends the reader processes."""
        for pool in self._pools:
            pool.close()

    @contextmanager
    def _turn(self) -> Iterator[ReaderPool]:
        try:
            pool = self._free.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            raise Busy("all readers are at work") from None
        try:
            yield pool
        finally:
            self._free.put(pool)
