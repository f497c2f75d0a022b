"""Writes incoming mails into PostgreSQL: small ones in one statement, their own transaction; large ones by COPY."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import psycopg

from storage.blobs.octet_log import Extent
from storage.database.postgres_session import SET_LOCAL
from storage.queue.copied_rows import OCTETS_OF_A_ROW, copied, row_sized
from storage.queue.incoming import EVENT_COLUMNS, MAIL_COLUMNS, event_values, mail_values, receipts_of
from storage.records.mails import IncomingMail, Receipt

# Of all mails of a batch, which lie in memory at the same time then; COPY of more is three round trips.
_OCTETS_IN_STATEMENT = 512 * 1024

_MAILS = ", ".join(MAIL_COLUMNS)
_EVENTS = ", ".join(EVENT_COLUMNS)
_EVENT_TYPES = "mail_id text, at timestamptz, event text, actor text, detail json"
# One text for any number of mails, so that driver and server read it once and plan it once. The mails come as an array
# of objects; the octets of all of them in one piece, of which each mail knows where its own begin. Mails are added in
# one order by everybody: two nodes that get the same ones at the same moment must not wait for each other.
_ADD = f"""
    WITH arrived AS (
        SELECT * FROM json_to_recordset(%s) AS arrived (
            id text, received_at timestamptz, state text, reverse_path text, forward_paths json, peer text, helo text,
            tls boolean, trace bytea, size bigint, transfer_digest bytea, lane text, {_EVENT_TYPES}, begins integer
        )
    ), fresh AS (
        INSERT INTO received_mail ({_MAILS}) SELECT {_MAILS} FROM arrived ORDER BY transfer_digest
        ON CONFLICT (transfer_digest) DO NOTHING RETURNING id
    ), told AS (
        INSERT INTO history_event ({_EVENTS}) SELECT {_EVENTS} FROM arrived JOIN fresh USING (id)
    )
"""  # noqa: S608  -- of names alone
_ADD_ROWS = _ADD + "SELECT id FROM fresh"  # noqa: S608  -- the same
_ADD_WHOLE = f"""
    {_ADD}, kept AS (
        INSERT INTO mail_octets (mail_id, position, octets)
        SELECT id, at_octet / {OCTETS_OF_A_ROW},
            substring(%b FROM begins + at_octet FOR least({OCTETS_OF_A_ROW}, size::integer - at_octet))
        FROM arrived JOIN fresh USING (id),
            generate_series(0, greatest(size::integer - 1, 0), {OCTETS_OF_A_ROW}) AS at_octet
    )
    SELECT id FROM fresh
"""  # noqa: S608  -- of names and numbers alone
_TELL = f"""
    INSERT INTO history_event ({_EVENTS}) SELECT {_EVENTS} FROM json_to_recordset(%s) AS told ({_EVENT_TYPES})
"""  # noqa: S608  -- of names alone


class CommitInDoubt(psycopg.OperationalError):
    """What became of the mails is not certain; the same call may be made again."""


class PostgresIncoming:
    """Others write at the same moment, so the unique index decides; round trips and our own work are what costs."""

    def __init__(
        self, connection: psycopg.Connection[Any], close: Callable[[], None], *, pooled: bool = False
    ) -> None:
        """`pooled`: the connection leads through a pooler, where a transaction finds nothing set."""
        self._connection = connection
        self.close = close
        self._pooled = pooled
        self._warnings: list[str] = []
        connection.add_notice_handler(self._note)
        connection.autocommit = True

    @property
    def lost(self) -> bool:
        """True when the server has closed the connection, or cannot be reached."""
        return self._connection.closed

    def add(self, mails: Sequence[IncomingMail], places: Mapping[str, Extent]) -> list[Receipt]:  # noqa: ARG002
        """See `Incoming`; a server has no log beside it."""
        self._warnings.clear()
        small = sum(mail.content.size for mail in mails) <= _OCTETS_IN_STATEMENT
        try:
            fresh = self._added_whole(mails) if small else self._added(mails)
            receipts = self._receipts(mails, fresh)
        except BaseException:
            if not self._connection.closed:
                self._connection.rollback()
            raise
        if self._warnings:
            # Such as "might not have been replicated": it is committed, but where its wait for the standby was
            # broken off that is no promise. The sender is told "later", and its second try is known by its digest.
            raise CommitInDoubt(self._warnings[0])
        return receipts

    def _added_whole(self, mails: Sequence[IncomingMail]) -> set[str]:
        """Adds those of the mails that are not stored yet, in one round trip; their ids."""
        octets = b"".join(chain.from_iterable(mail.content.pieces() for mail in mails))
        return _ids(self._carried_out(_ADD_WHOLE, (_written(mails), octets)))

    def _added(self, mails: Sequence[IncomingMail]) -> set[str]:
        """The same, with octets that need not be in memory at the same time."""
        with self._connection.pipeline():
            self._begin()
            added = self._connection.execute(_ADD_ROWS, (_written(mails),))
        fresh = _ids(added)
        self._copy_octets([mail for mail in mails if mail.id in fresh])
        self._connection.commit()
        return fresh

    def _receipts(self, mails: Sequence[IncomingMail], fresh: set[str]) -> list[Receipt]:
        """Tells the history of what came again, too."""
        known = [mail for mail in mails if mail.id not in fresh]
        if not known:
            return receipts_of(mails, {})
        stored = self._stored(known)
        if any(mail.transfer_digest not in stored for mail in known):
            raise CommitInDoubt("a mail that came again was deleted at the same moment")
        receipts = receipts_of(mails, stored)
        told = zip(mails, receipts, strict=True)
        again = [_event(mail, receipt) for mail, receipt in told if receipt.duplicate]
        self._carried_out(_TELL, (json.dumps(again, ensure_ascii=False),))
        return receipts

    def _stored(self, mails: Sequence[IncomingMail]) -> dict[bytes, str]:
        """The ids under which transfers are stored already."""
        rows = self._connection.execute(
            "SELECT transfer_digest, id FROM received_mail WHERE transfer_digest = ANY(%s)",
            ([mail.transfer_digest for mail in mails],),
        )
        return {bytes(digest): mail_id for digest, mail_id in rows}

    def _carried_out(self, statement: str, values: tuple[Any, ...]) -> psycopg.Cursor[Any]:
        """One statement that is its own transaction."""
        if not self._pooled:
            return self._connection.execute(statement, values)
        with self._connection.pipeline():
            self._begin()
            answered = self._connection.execute(statement, values)
            self._connection.execute("COMMIT")
        return answered

    def _begin(self) -> None:
        self._connection.execute("BEGIN")
        if self._pooled:
            self._connection.execute(SET_LOCAL)

    def _copy_octets(self, mails: Sequence[IncomingMail]) -> None:
        if not mails:
            return
        with (
            self._connection.cursor() as cursor,
            cursor.copy("COPY mail_octets (mail_id, position, octets) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            for portion in copied(_rows_of_octets(mails)):
                copy.write(portion)

    def _note(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(notice.message_primary or "a warning")


def _ids(answered: psycopg.Cursor[Any]) -> set[str]:
    return {row[0] for row in answered}


def _written(mails: Sequence[IncomingMail]) -> str:
    """What `arrived` reads: JSON of the mails and of what the history tells if they are new."""
    begins = 1  # as SQL counts
    rows = []
    for mail in mails:
        row = dict(zip(MAIL_COLUMNS, mail_values(mail), strict=True))
        row["received_at"] = mail.envelope.received_at.isoformat()
        row["trace"] = _hexadecimal(mail.trace)
        row["transfer_digest"] = _hexadecimal(mail.transfer_digest)
        rows.append(row | _event(mail, Receipt(mail_id=mail.id, duplicate=False)) | {"begins": begins})
        begins += mail.content.size
    return json.dumps(rows, ensure_ascii=False)


def _event(mail: IncomingMail, receipt: Receipt) -> dict[str, Any]:
    event = dict(zip(EVENT_COLUMNS, event_values(mail, receipt), strict=True))
    event["at"] = mail.envelope.received_at.isoformat()
    return event


def _hexadecimal(octets: bytes) -> str:
    return "\\x" + octets.hex()


def _rows_of_octets(mails: Iterable[IncomingMail]) -> Iterator[tuple[Any, ...]]:
    for mail in mails:
        for position, piece in enumerate(row_sized(mail.content.pieces())):
            yield mail.id, position, piece
