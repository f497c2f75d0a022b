"""Writes incoming mails into SQLite: a few statements, however many mails share the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import Any

from storage.blobs.octet_log import Extent
from storage.queue.incoming import EVENT_COLUMNS, MAIL_COLUMNS, event_values, mail_values, receipts_of
from storage.queue.segments import Segments
from storage.records.mails import IncomingMail, Receipt

_MAIL = ("received_mail", MAIL_COLUMNS)
_OCTETS = ("mail_octets", ("mail_id", "position", "octets"))
_EXTENT = ("mail_extent", ("segment_id", "position", "size", "mail_id"))
_EVENT = ("history_event", EVENT_COLUMNS)

_MAILS_AT_ONCE = 64

_Row = tuple[Any, ...]
_Table = tuple[str, tuple[str, ...]]


class SqliteIncoming:
    """Within one transaction nobody else writes, so looking comes before writing."""

    def __init__(self, connection: sqlite3.Connection, close: Callable[[], None]) -> None:
        self._connection = connection
        self.close = close
        self.segments = Segments(connection)
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
            receipts = receipts_of(mails, self._stored(mails))
            fresh = [
                mail for mail, receipt in zip(mails, receipts, strict=True) if receipt.mail_id == mail.id
            ]
            kept = {mail.id for mail in fresh}
            self._insert(_MAIL, [_mail_row(mail) for mail in fresh])
            self._insert(_OCTETS, _octets_rows([mail for mail in fresh if mail.id not in places]))
            if places:
                rows = [
                    (place.segment, place.position, place.size, mail_id if mail_id in kept else None)
                    for mail_id, place in places.items()
                ]
                run("INSERT OR IGNORE INTO octet_segment (id, claims) VALUES (?, 1)", (rows[0][0],))
                self._insert(_EXTENT, rows)
            self._insert(_EVENT, map(_event_row, mails, receipts))
            run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise
        return receipts

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
            self._connection.execute(_insert(table, len(some)), list(chain.from_iterable(some)))


@cache
def _insert(table: _Table, rows: int) -> str:
    name, columns = table
    row = f"({', '.join(['?'] * len(columns))})"
    return f"INSERT INTO {name} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"  # noqa: S608


def _mail_row(mail: IncomingMail) -> _Row:
    mail_id, at, state, reverse_path, forward_paths, *others = mail_values(mail)
    return mail_id, _instant(at), state, reverse_path, json.dumps(forward_paths), *others


def _event_row(mail: IncomingMail, receipt: Receipt) -> _Row:
    mail_id, at, event, actor, detail = event_values(mail, receipt)
    return mail_id, _instant(at), event, actor, json.dumps(detail)


def _octets_rows(mails: Iterable[IncomingMail]) -> Iterator[_Row]:
    for mail in mails:
        for position, chunk in enumerate(mail.content.chunks()):
            yield (mail.id, position, chunk)


def _portions(rows: Iterable[Any]) -> Iterator[list[Any]]:
    portion: list[Any] = []
    for row in rows:
        portion.append(row)
        if len(portion) == _MAILS_AT_ONCE:
            yield portion
            portion = []
    if portion:
        yield portion


def _instant(at: datetime) -> str:
    """As UtcDateTime in tables.py writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
