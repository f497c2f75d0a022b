"""Writes incoming mails into the queue in few statements, however many mails share the transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import chain, islice
from typing import Any

from sqlalchemy.engine import Connection

from storage.records import HistoryEventName, IncomingMail, MailState, Receipt

# Written out, and many rows a statement: in the thread that commits, each statement waits once for the
# interpreter's lock, while the sessions of the same process go on. Names are those of tables.py; a test compares.
_MAIL = (
    "received_mail",
    (
        *("id", "received_at", "state", "reverse_path", "forward_paths", "peer", "helo", "tls", "trace"),
        *("size", "transfer_digest"),
    ),
    " ON CONFLICT (transfer_digest) DO NOTHING RETURNING id",
)
_OCTETS = ("mail_octets", ("mail_id", "position", "octets"), "")
_EVENT = ("history_event", ("mail_id", "at", "event", "actor", "detail"), "")

_MAILS_AT_ONCE = 64
_OCTETS_AT_ONCE = 1024 * 1024  # that go into one statement, so into memory once more

_Row = tuple[Any, ...]
_Table = tuple[str, tuple[str, ...], str]


def add_mails(connection: Connection, mails: Sequence[IncomingMail]) -> list[Receipt]:
    """Queues mails, each transfer once; the receipts stand in the order of `mails`.

    A transfer that is stored already, or twice in `mails`, is answered with the id of the first.
    """
    sqlite = connection.dialect.name == "sqlite"
    mark = "?" if sqlite else "%s"
    instant = _instant_of_sqlite if sqlite else _as_it_is

    def insert(table: _Table, rows: list[_Row]) -> list[str]:
        statement = _statement(table, mark, len(rows))
        result = connection.exec_driver_sql(statement, tuple(chain.from_iterable(rows)))
        return [row[0] for row in result] if result.returns_rows else []

    fresh: set[str] = set()
    # One order for everybody: two nodes that get the same mails twice must not wait for each other.
    for some in _portions(mails if sqlite else sorted(mails, key=lambda mail: mail.transfer_digest)):
        fresh.update(insert(_MAIL, [_mail_row(mail, instant) for mail in some]))
    stored = _stored(connection, mark, [mail for mail in mails if mail.id not in fresh])
    receipts = [
        Receipt(mail_id=mail.id, duplicate=False)
        if mail.id in fresh
        else Receipt(mail_id=stored[mail.transfer_digest], duplicate=True)
        for mail in mails
    ]
    for rows in _by_size(_octets_rows(mail for mail in mails if mail.id in fresh)):
        insert(_OCTETS, rows)
    for some_events in _portions(list(zip(mails, receipts, strict=True))):
        insert(_EVENT, [_event_row(mail, receipt, instant) for mail, receipt in some_events])
    return receipts


@cache
def _statement(table: _Table, mark: str, rows: int) -> str:
    name, columns, rest = table
    row = f"({', '.join([mark] * len(columns))})"
    return f"INSERT INTO {name} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}{rest}"  # noqa: S608


def _stored(connection: Connection, mark: str, known: Sequence[IncomingMail]) -> dict[bytes, str]:
    """The ids under which transfers are stored already."""
    found: dict[bytes, str] = {}
    for some in _portions(known):
        marks = ", ".join([mark] * len(some))
        rows = connection.exec_driver_sql(
            f"SELECT transfer_digest, id FROM received_mail WHERE transfer_digest IN ({marks})",  # noqa: S608
            tuple(mail.transfer_digest for mail in some),
        )
        found.update((bytes(digest), mail_id) for digest, mail_id in rows)
    return found


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
    )


def _octets_rows(mails: Iterable[IncomingMail]) -> Iterator[_Row]:
    for mail in mails:
        for position, chunk in enumerate(mail.content.chunks()):
            yield (mail.id, position, chunk)


def _event_row(mail: IncomingMail, receipt: Receipt, instant: Callable[[datetime], Any]) -> _Row:
    event = HistoryEventName.RECEIVED_AGAIN if receipt.duplicate else HistoryEventName.RECEIVED
    peer = mail.envelope.peer
    detail = {"size": str(mail.content.size), "peer": peer or "a file", **mail.remarks}
    return (
        receipt.mail_id,
        instant(mail.envelope.received_at),
        event.value,
        "smtp" if peer else "replay",
        json.dumps(detail),
    )


def _portions(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    left = iter(items)
    while some := list(islice(left, _MAILS_AT_ONCE)):
        yield some


def _by_size(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Rows of octets in portions, read from their source no sooner than they are needed."""
    portion: list[_Row] = []
    octets = 0
    for row in rows:
        portion.append(row)
        octets += len(row[2])
        if octets >= _OCTETS_AT_ONCE or len(portion) == _MAILS_AT_ONCE:
            yield portion
            portion, octets = [], 0
    if portion:
        yield portion


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
