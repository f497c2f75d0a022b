"""Writes incoming mails in few statements, however many share the transaction; a dialect a class.

Written out, many rows a statement, and straight to the driver: while a batch commits the sessions of the same
process go on, and each statement waits once for the interpreter's lock. Names are those of tables.py; a test compares.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import Any, Protocol

import psycopg

from storage.blobs.octet_log import Extent
from storage.database.postgres_session import SET_LOCAL
from storage.queue.copied_rows import copied
from storage.records.history import HistoryEventName
from storage.records.mails import IncomingMail, MailState, Receipt

_MAIL = (
    "received_mail",
    (
        *("id", "received_at", "state", "reverse_path", "forward_paths", "peer", "helo", "tls", "trace"),
        *("size", "transfer_digest", "lane"),
    ),
)
_OCTETS = ("mail_octets", ("mail_id", "position", "octets"))
_EXTENT = ("mail_extent", ("segment_id", "position", "size", "mail_id"))
_EVENT = ("history_event", ("mail_id", "at", "event", "actor", "detail"))

_MAILS_AT_ONCE = 64
_LANE_CHARACTERS = 255  # a domain has no more (RFC 5321 4.5.3.1.2)
# A row that fills a page: larger ones PostgreSQL would cut in pieces of 2 KB, each with a row and an index entry.
_OCTETS_OF_A_ROW = 8000
# Of all mails of a batch; more are cheaper by COPY, which is two round trips more.
_OCTETS_IN_STATEMENTS = 512 * 1024

_Row = tuple[Any, ...]
_Table = tuple[str, tuple[str, ...]]


class CommitInDoubt(psycopg.OperationalError):
    """The server committed, and warned; the same call may be made again."""


class Incoming(Protocol):
    """A connection that only takes mails in."""

    @property
    def lost(self) -> bool:
        """True when the connection is broken."""

    def add(self, mails: Sequence[IncomingMail], places: Mapping[str, Extent]) -> list[Receipt]:
        """Queues mails in one transaction; `places` says, by mail, whose octets lie in the log.

        Raises DRIVER_ERRORS.
        """

    def segments(self) -> list[str]:
        """The segments of the log by name, the newest first."""

    def claim_segment(self, name: str) -> int:
        """Where the last place in a segment ends, durably: no transaction that failed before can come back."""

    def add_segment(self, name: str) -> None:
        """Makes a new segment known before there is a file of it."""

    def forget(self, places: Sequence[Extent]) -> None:
        """Places that are erased are no longer known."""

    def close(self) -> None:
        """Closes the connection."""


class SqliteIncoming:
    """Within one transaction nobody else writes, so looking comes before writing."""

    def __init__(self, connection: sqlite3.Connection, close: Callable[[], None]) -> None:
        self._connection = connection
        self.close = close
        # Parents and children are written together here; looking each parent up again costs time.
        connection.execute("PRAGMA foreign_keys = OFF")

    @property
    def lost(self) -> bool:
        """Never: there is no server."""
        return False

    def add(self, mails: Sequence[IncomingMail], places: Mapping[str, Extent]) -> list[Receipt]:
        """See `Incoming`."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            receipts = _receipts(mails, self._stored(mails))
            fresh = [
                mail for mail, receipt in zip(mails, receipts, strict=True) if receipt.mail_id == mail.id
            ]
            kept = {mail.id for mail in fresh}
            self._insert(_MAIL, [_mail_row(mail, _instant_of_sqlite) for mail in fresh])
            self._insert(_OCTETS, _octets_rows([mail for mail in fresh if mail.id not in places]))
            if places:
                rows = [
                    (place.segment, place.position, place.size, mail_id if mail_id in kept else None)
                    for mail_id, place in places.items()
                ]
                run("INSERT OR IGNORE INTO octet_segment (id, claims) VALUES (?, 1)", (rows[0][0],))
                self._insert(_EXTENT, rows)
            self._insert(_EVENT, _event_rows(mails, receipts, _instant_of_sqlite))
            run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise
        return receipts

    def segments(self) -> list[str]:
        """See `Incoming`."""
        rows = self._connection.execute("SELECT id FROM octet_segment ORDER BY id DESC")
        return [row[0] for row in rows]

    def claim_segment(self, name: str) -> int:
        """See `Incoming`.

        A commit that failed may lie in SQLite's journal all the same, and would count after a crash; the write
        here takes its place.
        """
        self._connection.execute(
            "INSERT INTO octet_segment (id, claims) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET claims = claims + 1",
            (name,),
        )
        [used] = self._connection.execute(
            "SELECT coalesce(max(position + size), 0) FROM mail_extent WHERE segment_id = ?", (name,)
        ).fetchone()
        return int(used)

    def add_segment(self, name: str) -> None:
        """See `Incoming`."""
        self._connection.execute("INSERT INTO octet_segment (id, claims) VALUES (?, 0)", (name,))

    def forget(self, places: Sequence[Extent]) -> None:
        """See `Incoming`."""
        for place in places:
            self._connection.execute(
                "DELETE FROM mail_extent WHERE segment_id = ? AND position = ? AND mail_id IS NULL",
                (place.segment, place.position),
            )

    def _stored(self, mails: Sequence[IncomingMail]) -> dict[bytes, str]:
        """The ids under which transfers are stored already."""
        found: dict[bytes, str] = {}
        for some in _portions(mails):
            marks = ", ".join(["?"] * len(some))
            found.update(
                self._connection.execute(
                    f"SELECT transfer_digest, id FROM received_mail WHERE transfer_digest IN ({marks})",  # noqa: S608
                    [mail.transfer_digest for mail in some],
                ).fetchall()
            )
        return found

    def _insert(self, table: _Table, rows: Iterable[_Row]) -> None:
        for some in _portions(rows):
            self._connection.execute(_insert(table, "?", len(some)), list(chain.from_iterable(some)))


class PostgresIncoming:
    """Others write at the same moment, so the unique index decides; round trips are what costs."""

    def __init__(
        self, connection: psycopg.Connection[Any], close: Callable[[], None], *, pooled: bool = False
    ) -> None:
        """`pooled`: the connection leads through a pooler, where a transaction finds nothing set."""
        self._connection = connection
        self.close = close
        self._pooled = pooled
        self._warnings: list[str] = []
        connection.add_notice_handler(self._note)

    @property
    def lost(self) -> bool:
        """True when the server has closed the connection, or cannot be reached."""
        return self._connection.closed

    def add(self, mails: Sequence[IncomingMail], places: Mapping[str, Extent]) -> list[Receipt]:  # noqa: ARG002
        """See `Incoming`; a server has no log beside it."""
        self._warnings.clear()
        small = sum(mail.content.size for mail in mails) <= _OCTETS_IN_STATEMENTS
        try:
            receipts = self._added_as_new(mails) if small else None
            if receipts is None:
                receipts = self._added(mails)
        except BaseException:
            if not self._connection.closed:
                self._connection.rollback()
            raise
        if self._warnings:
            # Such as "might not have been replicated": it is committed, but where its wait for the standby was
            # broken off that is no promise. The sender is told "later", and its second try is known by its digest.
            raise CommitInDoubt(self._warnings[0])
        return receipts

    def _added_as_new(self, mails: Sequence[IncomingMail]) -> list[Receipt] | None:
        """Adds mails in two round trips; None, and nothing is added, when a transfer was stored already."""
        connection = self._connection
        with self._pipeline():
            answers = list(self._add_rows(mails))
            for some in _portions(_rows_of_octets(mails)):
                connection.execute(_insert(_OCTETS, "%b", len(some)), _flat(some))
        if sum(answer.rowcount for answer in answers) < len(mails):
            connection.rollback()
            return None
        receipts = _receipts(mails, {})
        self._end(mails, receipts)
        return receipts

    def _added(self, mails: Sequence[IncomingMail]) -> list[Receipt]:
        """Adds those of the mails that are not stored yet."""
        with self._pipeline():
            answers = list(self._add_rows(mails))
        fresh = {row[0] for answer in answers for row in answer}
        known = [mail for mail in mails if mail.id not in fresh]
        receipts = _receipts(mails, self._stored(known) if known else {})
        self._copy_octets([mail for mail in mails if mail.id in fresh])
        self._end(mails, receipts)
        return receipts

    @contextmanager
    def _pipeline(self) -> Iterator[None]:
        """What a transaction begins with; what is executed inside the block is answered at its end."""
        with self._connection.pipeline():
            if self._pooled:
                self._connection.execute(SET_LOCAL)
            yield

    def _end(self, mails: Sequence[IncomingMail], receipts: Sequence[Receipt]) -> None:
        """Tells the history, and commits."""
        with self._connection.pipeline():
            for some in _portions(_event_rows(mails, receipts, _as_it_is)):
                self._connection.execute(_insert(_EVENT, "%s", len(some)), _flat(some))
            self._connection.commit()

    def _note(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(notice.message_primary or "a warning")

    def segments(self) -> list[str]:
        """None."""
        return []

    def claim_segment(self, name: str) -> int:
        """Never asked for."""
        raise NotImplementedError(name)

    def add_segment(self, name: str) -> None:
        """Never asked for."""
        raise NotImplementedError(name)

    def forget(self, places: Sequence[Extent]) -> None:
        """Never asked for."""
        raise NotImplementedError(places)

    def _add_rows(self, mails: Sequence[IncomingMail]) -> Iterator[psycopg.Cursor[Any]]:
        """Adds the rows of mails that are not stored yet, and answers with their ids."""
        # One order for everybody: two nodes that get the same mails twice must not wait for each other.
        for some in _portions(sorted(mails, key=lambda mail: mail.transfer_digest)):
            statement = (
                _insert(_MAIL, "%s", len(some)) + " ON CONFLICT (transfer_digest) DO NOTHING RETURNING id"
            )
            yield self._connection.execute(statement, _flat(_mail_row(mail, _as_it_is) for mail in some))

    def _stored(self, mails: Sequence[IncomingMail]) -> dict[bytes, str]:
        """The ids under which transfers are stored already."""
        rows = self._connection.execute(
            "SELECT transfer_digest, id FROM received_mail WHERE transfer_digest = ANY(%s)",
            ([mail.transfer_digest for mail in mails],),
        )
        return {bytes(digest): mail_id for digest, mail_id in rows}

    def _copy_octets(self, mails: Sequence[IncomingMail]) -> None:
        name, columns = _OCTETS
        if not mails:
            return
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            for portion in copied(_rows_of_octets(mails)):
                copy.write(portion)


@cache
def _insert(table: _Table, mark: str, rows: int) -> str:
    name, columns = table
    row = f"({', '.join([mark] * len(columns))})"
    return f"INSERT INTO {name} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"  # noqa: S608


def _receipts(mails: Sequence[IncomingMail], stored: dict[bytes, str]) -> list[Receipt]:
    """Each transfer belongs to the mail that it came with first."""
    receipts = []
    for mail in mails:
        first = stored.setdefault(mail.transfer_digest, mail.id)
        receipts.append(Receipt(mail_id=first, duplicate=first != mail.id))
    return receipts


def _mail_row(mail: IncomingMail, instant: Callable[[datetime], Any]) -> _Row:
    envelope = mail.envelope
    return (
        mail.id,
        instant(envelope.received_at),
        MailState.RECEIVED.value,
        _storable(envelope.reverse_path),
        json.dumps([_storable(path) for path in envelope.forward_paths]),
        envelope.peer,
        _storable(envelope.helo),
        envelope.tls,
        mail.trace,
        mail.content.size,
        mail.transfer_digest,
        (_storable(envelope.reverse_path) or "").rpartition("@")[2].lower()[:_LANE_CHARACTERS],
    )


def _octets_rows(mails: Iterable[IncomingMail]) -> Iterator[_Row]:
    for mail in mails:
        for position, chunk in enumerate(mail.content.chunks()):
            yield (mail.id, position, chunk)


def row_sized(chunks: Iterable[bytes]) -> Iterator[memoryview]:
    """Octets in pieces as PostgreSQL keeps them, a row each."""
    for chunk in chunks:
        for start in range(0, len(chunk) or 1, _OCTETS_OF_A_ROW):
            yield memoryview(chunk)[start : start + _OCTETS_OF_A_ROW]


def _rows_of_octets(mails: Iterable[IncomingMail]) -> Iterator[_Row]:
    for mail in mails:
        for position, piece in enumerate(row_sized(mail.content.chunks())):
            yield mail.id, position, piece


def _event_rows(
    mails: Sequence[IncomingMail], receipts: Sequence[Receipt], instant: Callable[[datetime], Any]
) -> Iterator[_Row]:
    for mail, receipt in zip(mails, receipts, strict=True):
        event = HistoryEventName.RECEIVED_AGAIN if receipt.duplicate else HistoryEventName.RECEIVED
        peer = mail.envelope.peer
        detail = {"size": str(mail.content.size), "peer": peer or "a file", **mail.remarks}
        yield (
            receipt.mail_id,
            instant(mail.envelope.received_at),
            event.value,
            "smtp" if peer else "replay",
            json.dumps(detail),
        )


def _portions(rows: Iterable[Any]) -> Iterator[list[Any]]:
    portion: list[Any] = []
    for row in rows:
        portion.append(row)
        if len(portion) == _MAILS_AT_ONCE:
            yield portion
            portion = []
    if portion:
        yield portion


def _flat(rows: Iterable[_Row]) -> list[Any]:
    return list(chain.from_iterable(rows))


def _storable(text: str | None) -> str | None:
    # PostgreSQL takes no NUL, and neither engine a lone surrogate.
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _instant_of_sqlite(at: datetime) -> str:
    """As UtcDateTime in tables.py writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _as_it_is(at: datetime) -> datetime:
    return at
