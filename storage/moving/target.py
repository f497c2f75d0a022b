"""The PostgreSQL database that is being made: closed to everybody until everything is in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import inspect
from sqlalchemy.engine import Connection

from storage import schema
from storage.backup.of_postgres import set_sequences
from storage.errors import Conflict
from storage.moving.rows import Key
from storage.tables import Base

# ruff: noqa: S608  -- the statements are put together of our own names

_MOVING, _PROGRESS, _LOST = "moving", "moving_progress", "moving_lost"
_FOREIGN_KEYS = """
    SELECT conrelid::regclass::text, conname FROM pg_constraint
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
"""


@dataclass(slots=True)
class Progress:
    """How far a table has come."""

    copied_to: Key | None = None
    copied: bool = False
    compared_to: Key | None = None
    compared: bool = False

    def has(self, key: Key) -> bool:
        """Whether the row with this key was copied, if it was there."""
        return self.copied or (self.copied_to is not None and key <= self.copied_to)


def move_under_way(connection: Connection) -> tuple[str, str] | None:
    """The id of the move that fills this database, and the schema it began with; None when it is empty.

    Raises Conflict when there is something else in it.
    """
    there = inspect(connection).get_table_names()
    if not there:
        return None
    if schema.current_version(connection) != schema.MOVING:
        raise Conflict(
            "the database to move to is not empty; a move overwrites nothing: make a new one for it"
        )
    [row] = connection.exec_driver_sql(f"SELECT id, version FROM {_MOVING}").all()
    return row[0], row[1]


def begin(connection: Connection, move_id: str) -> None:
    """Makes all tables in an empty database, which counts as not there until `open_to_all`."""
    schema.upgrade(connection, schema.NEWEST)
    connection.exec_driver_sql(
        f"CREATE TABLE {_MOVING} (id text NOT NULL, version text NOT NULL, applied bigint NOT NULL)"
    )
    connection.exec_driver_sql(f"INSERT INTO {_MOVING} VALUES (%s, %s, 0)", (move_id, schema.NEWEST))
    connection.exec_driver_sql(
        f"CREATE TABLE {_PROGRESS}"
        " (name text PRIMARY KEY, copied_to text, copied boolean, compared_to text, compared boolean)"
    )
    connection.exec_driver_sql(f"CREATE TABLE {_LOST} (mail_id text PRIMARY KEY)")
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = %s", (schema.MOVING,))


def let_rows_in(connection: Connection) -> None:
    """Rows may come in any order within a transaction, and in any state: the other database has guarded their way."""
    for table, name in connection.exec_driver_sql(_FOREIGN_KEYS).all():
        connection.exec_driver_sql(
            f'ALTER TABLE {table} ALTER CONSTRAINT "{name}" DEFERRABLE INITIALLY DEFERRED'
        )
    for table in Base.metadata.tables:
        connection.exec_driver_sql(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')


def guard_again(connection: Connection) -> None:
    """Everything as the migrations made it; numbers go on behind those that are there."""
    connection.exec_driver_sql(
        "SET CONSTRAINTS ALL IMMEDIATE"
    )  # asks now, for rules cannot change while some wait
    for table, name in connection.exec_driver_sql(_FOREIGN_KEYS).all():
        connection.exec_driver_sql(f'ALTER TABLE {table} ALTER CONSTRAINT "{name}" NOT DEFERRABLE')
    for table in Base.metadata.tables:
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
    set_sequences(connection)


def open_to_all(connection: Connection) -> None:
    """From the end of this transaction on it is a mailbox like any other."""
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = %s", (schema.NEWEST,))
    connection.exec_driver_sql(f"DROP TABLE {_PROGRESS}, {_LOST}, {_MOVING}")


def applied(connection: Connection) -> int:
    """The number of the last change that is in."""
    return int(connection.exec_driver_sql(f"SELECT applied FROM {_MOVING}").scalar_one())


def note_applied(connection: Connection, upto: int) -> None:
    """All changes up to a number are in."""
    connection.exec_driver_sql(f"UPDATE {_MOVING} SET applied = %s", (upto,))


def progress(connection: Connection) -> dict[str, Progress]:
    """How far each table has come that was begun."""
    rows = connection.exec_driver_sql(
        f"SELECT name, copied_to, copied, compared_to, compared FROM {_PROGRESS}"
    )
    return {
        name: Progress(_key(copied_to), bool(copied), _key(compared_to), bool(compared))
        for name, copied_to, copied, compared_to, compared in rows
    }


def note_progress(connection: Connection, name: str, made: Progress) -> None:
    """So far has a table come."""
    connection.exec_driver_sql(
        f"INSERT INTO {_PROGRESS} VALUES (%s, %s, %s, %s, %s) ON CONFLICT (name) DO UPDATE SET"
        " copied_to = EXCLUDED.copied_to, copied = EXCLUDED.copied,"
        " compared_to = EXCLUDED.compared_to, compared = EXCLUDED.compared",
        (name, _text(made.copied_to), made.copied, _text(made.compared_to), made.compared),
    )


def note_lost(connection: Connection, tried: Sequence[str], lost: Sequence[str]) -> None:
    """Of the mails that were tried, the octets of these are not where they should be."""
    connection.exec_driver_sql(f"DELETE FROM {_LOST} WHERE mail_id = ANY(%s)", (list(tried),))
    connection.exec_driver_sql(f"INSERT INTO {_LOST} SELECT unnest(%s::text[])", (list(lost),))


def lost(connection: Connection) -> list[str]:
    """The mails whose octets were not where they should be."""
    return list(connection.exec_driver_sql(f"SELECT mail_id FROM {_LOST} ORDER BY mail_id").scalars())


def _text(key: Key | None) -> str | None:
    if key is None:
        return None
    return json.dumps([{"hex": part.hex()} if isinstance(part, bytes) else part for part in key])


def _key(text: str | None) -> Key | None:
    if text is None:
        return None
    return tuple(bytes.fromhex(part["hex"]) if isinstance(part, dict) else part for part in json.loads(text))
