"""Copies the octets of mails, wherever SQLite keeps them, into rows of PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.engine import Connection

from storage.blobs.stored_octets import StoredOctets
from storage.errors import NotFound
from storage.moving.rows import driver
from storage.queue.copied_rows import row_sized
from storage.tables.mails import MailExtentRow, MailOctetsRow, ReceivedMailRow

NAME = MailOctetsRow.__tablename__
_COLUMNS = "(mail_id, position, octets)"
# By PostgreSQL itself, from what it has stored.
_DIGESTS = f"""
    SELECT mail_id, sha256(string_agg(octets, ''::bytea ORDER BY position)) FROM {NAME}
    WHERE mail_id = ANY(%s) GROUP BY mail_id
"""  # noqa: S608  -- our own names

_HERE: ColumnElement[bool] = or_(
    exists().where(MailOctetsRow.mail_id == ReceivedMailRow.id),
    exists().where(MailExtentRow.mail_id == ReceivedMailRow.id),
)


def mails_after(connection: Connection, after: str | None, octets: int, limit: int) -> list[str]:
    """The next mails whose octets lie in or beside SQLite: as many as have so many octets, but one at least."""
    query = (
        select(ReceivedMailRow.id, ReceivedMailRow.size)
        .where(_HERE)
        .order_by(ReceivedMailRow.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(ReceivedMailRow.id > after)
    found: list[str] = []
    for mail_id, size in connection.execute(query):
        octets -= size
        if found and octets < 0:
            break
        found.append(mail_id)
    return found


def with_octets(connection: Connection, mail_ids: Sequence[str]) -> list[str]:
    """Those of the mails whose octets lie in or beside SQLite."""
    query = select(ReceivedMailRow.id).where(ReceivedMailRow.id.in_(mail_ids), _HERE)
    return list(connection.scalars(query))


def count(connection: Connection) -> int:
    """Of how many mails there are octets."""
    return connection.scalar(select(func.count()).select_from(ReceivedMailRow).where(_HERE)) or 0


def add(source: Connection, target: Connection, mail_ids: Sequence[str]) -> tuple[int, list[str]]:
    """Puts octets into PostgreSQL; how many, and the mails whose octets are lost. Raises OSError, psycopg.Error."""
    octets, lost = 0, []
    with (
        driver(target).cursor() as cursor,
        cursor.copy(f"COPY {NAME} {_COLUMNS} FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(["varchar", "int4", "bytea"])
        for mail_id in mail_ids:
            try:
                for position, piece in enumerate(row_sized(_pieces(source, mail_id))):
                    copy.write_row((mail_id, position, piece))
                    octets += len(piece)
            except NotFound:
                lost.append(mail_id)
    return octets, lost


def remove(target: Connection, mail_ids: Sequence[str]) -> None:
    """Takes octets out of PostgreSQL, whether they are there or not."""
    driver(target).execute(f"DELETE FROM {NAME} WHERE mail_id = ANY(%s)", [list(mail_ids)])  # noqa: S608  -- our own names


def first_difference(source: Connection, target: Connection, mail_ids: Sequence[str]) -> str | None:
    """A mail whose octets have another SHA-256 in the other database, in words; None when all are the same."""
    there = {mail_id: bytes(digest) for mail_id, digest in driver(target).execute(_DIGESTS, [list(mail_ids)])}
    for mail_id in mail_ids:
        if _digest(source, mail_id) != there.get(mail_id):
            return f"the octets of the mail {mail_id} are not the same in both databases"
    return None


def _pieces(connection: Connection, mail_id: str) -> Iterator[bytes]:
    return StoredOctets(connection).pieces(mail_id)


def _digest(connection: Connection, mail_id: str) -> bytes | None:
    digest = hashlib.sha256()
    try:
        for piece in _pieces(connection, mail_id):
            digest.update(piece)
    except NotFound:
        return None
    return digest.digest()
