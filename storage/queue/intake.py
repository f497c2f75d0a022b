"""Takes incoming mails into the queue, durably and in few steps: one connection of its own, kept open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import Any

from sqlalchemy import Engine

from storage.blobs.octet_log import Extent, OctetLog, OpenSegment
from storage.database.checkpoints import Checkpoints
from storage.database.driver_errors import DRIVER_ERRORS, means_unavailable
from storage.database.engine import POOLED, database_file
from storage.errors import StorageUnavailable
from storage.ids import new_id
from storage.queue.incoming import Incoming
from storage.queue.incoming_postgres import PostgresIncoming
from storage.queue.incoming_sqlite import SqliteIncoming
from storage.queue.segments import Segments
from storage.records.mails import IncomingMail, Receipt

INLINE_OCTETS = 32 * 1024  # of a mail that SQLite keeps in the database itself; larger ones go into the log
_OCTETS_BESIDE = 8 * 1024  # about what a mail costs in SQLite's log beside its content


class Intake:
    """The way in. One batch at a time; threads of a process queue up here."""

    def __init__(
        self, engine: Engine, turn: Callable[[], AbstractContextManager[None]], log: OctetLog | None
    ) -> None:
        """`turn` is waited for before each transaction; `log` takes large mails of SQLite."""
        self._engine = engine
        self._turn = turn
        self._log = log
        self._lock = threading.Lock()
        self._incoming: Incoming | None = None
        self._segment: OpenSegment | None = None
        self._checkpoints: Checkpoints | None = None

    def add(self, mails: Sequence[IncomingMail]) -> list[Receipt]:
        """Queues mails, each transfer once; all of them are durable on return, or none is.

        The receipts stand in the order of `mails`. A transfer that is stored already, or twice in `mails`, is
        answered with the id of the first. Raises StorageUnavailable.
        """
        if not mails:
            return []
        with self._lock, self._undone_by_failure():
            places = self._logged([mail for mail in mails if mail.content.size > INLINE_OCTETS])
            receipts = self._added(mails, places)
            if self._checkpoints is not None:
                inline = (mail.content.size for mail in mails if mail.id not in places)
                self._checkpoints.committed(sum(inline) + len(mails) * _OCTETS_BESIDE)
            return receipts

    def close(self) -> None:
        """Closes the connection and the open segment."""
        with self._lock:
            self._let_go()

    @contextmanager
    def _undone_by_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # Connection and segment may be in any state; the next batch begins with new ones.
            self._let_go()
            raise

    def _let_go(self) -> None:
        incoming, self._incoming = self._incoming, None
        segment, self._segment = self._segment, None
        checkpoints, self._checkpoints = self._checkpoints, None
        if checkpoints is not None:
            checkpoints.close()
        if incoming is not None:
            with suppress(*DRIVER_ERRORS, OSError):
                incoming.close()
        if segment is not None:
            segment.close()

    def _added(self, mails: Sequence[IncomingMail], places: dict[str, Extent]) -> list[Receipt]:
        while True:
            kept_open = self._incoming is not None
            with self._turn():
                incoming = self._connected()
                try:
                    receipts = incoming.add(mails, places)
                except DRIVER_ERRORS as error:
                    if not (kept_open and incoming.lost and means_unavailable(error)):
                        raise
                    # The server was started anew since the batch before. To do it all again is safe, even when it
                    # was done: each transfer is stored once.
                    self._incoming = None
                    continue
            self._free_duplicates(mails, receipts, places)
            return receipts

    def _free_duplicates(
        self, mails: Sequence[IncomingMail], receipts: Sequence[Receipt], places: dict[str, Extent]
    ) -> None:
        """Gives back what was written before anybody could know that the mail is stored already."""
        freed = [
            places[mail.id]
            for mail, receipt in zip(mails, receipts, strict=True)
            if receipt.duplicate and mail.id in places
        ]
        if self._log is None or not freed:
            return
        # The mails are safe, whatever fails here; retention does what is left.
        with suppress(*DRIVER_ERRORS, OSError, StorageUnavailable):
            self._log.erase(freed)
            with self._turn():
                self._segments().forget(freed)

    def _connected(self) -> Incoming:
        """The connection. To be asked for within a turn: a connection would make an SQLite file that was removed."""
        if self._incoming is None:
            pooled = self._engine.raw_connection()
            driver: Any = pooled.driver_connection
            close = pooled.invalidate  # it must not come back into the pool
            if self._engine.dialect.name == "sqlite":
                self._incoming = SqliteIncoming(driver, close)
            else:
                self._incoming = PostgresIncoming(driver, close, pooled=pooled.info.get(POOLED, False))
            if self._checkpoints is None and (file := database_file(self._engine)):
                self._checkpoints = Checkpoints(file)
        return self._incoming

    def _segments(self) -> Segments:
        """Which files the log has, to be asked for within a turn, too; only SQLite has one."""
        incoming = self._connected()
        assert isinstance(incoming, SqliteIncoming)  # noqa: S101  -- who has a log is SQLite
        return incoming.segments

    def _logged(self, mails: Sequence[IncomingMail]) -> dict[str, Extent]:
        """Writes large mails into the log, where there is one; their places, by mail."""
        if self._log is None or not mails:
            return {}
        if self._segment is None or self._segment.full:
            self._segment = self._another_segment(self._log)
        extents = self._segment.append([mail.content for mail in mails])
        return {mail.id: extent for mail, extent in zip(mails, extents, strict=True)}

    def _another_segment(self, log: OctetLog) -> OpenSegment:
        """One that nobody writes to, for instance as its process was killed; else a new one."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        with self._turn():
            names = self._segments().names()
        for name in names:
            if (segment := log.take(name, partial(self._claim, name))) is not None:
                return segment
        while True:
            name = new_id()
            with self._turn():
                self._segments().add(name)
            # None when another process was quicker.
            if (segment := log.take(name, partial(self._claim, name))) is not None:
                return segment

    def _claim(self, name: str) -> int:
        with self._turn():
            return self._segments().claim(name)
