"""Has SQLite note which rows change while they are copied, and closes it when everything has gone over."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Table
from sqlalchemy.engine import Connection

from storage import schema
from storage.database.driver_errors import MOVED_AWAY
from storage.moving import octets
from storage.moving.rows import Key, copied_tables, key_columns
from storage.tables import Base

# ruff: noqa: S608  -- the statements are put together of our own names

_TABLE, _CHANGES, _PREFIX = "moving", "moving_change", "moving_"
_KEYS = max(len(key_columns(table)) for table in copied_tables())
_KEY_NAMES = [f"key{number}" for number in range(1, _KEYS + 1)]
_FORGOTTEN_AT_ONCE = 20_000


def move_under_way(connection: Connection) -> tuple[str, str] | None:
    """The id of the move whose changes are noted, and the schema it began with."""
    there = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = ?", (_TABLE,)).scalar()
    if not there:
        return None
    [row] = connection.exec_driver_sql(f"SELECT id, version FROM {_TABLE}").all()
    return row[0], row[1]


def begin(connection: Connection, move_id: str) -> None:
    """From the end of this transaction on every change is noted."""
    end(connection)
    connection.exec_driver_sql(f"CREATE TABLE {_TABLE} (id TEXT NOT NULL, version TEXT NOT NULL)")
    connection.exec_driver_sql(f"INSERT INTO {_TABLE} VALUES (?, ?)", (move_id, schema.NEWEST))
    # The keys have no type, so that they come out as they went in.
    connection.exec_driver_sql(
        f"CREATE TABLE {_CHANGES} (seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, {', '.join(_KEY_NAMES)})"
    )
    for table in copied_tables():
        _note(connection, table.name, table.name, [column.name for column in key_columns(table)])
    for table_name in (octets.NAME, "mail_extent"):
        _note(connection, table_name, octets.NAME, ["mail_id"])


def end(connection: Connection) -> None:
    """Changes are no longer noted; those that were are forgotten."""
    for name in _triggers(connection, _PREFIX):
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_CHANGES}")
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_TABLE}")


def newest(connection: Connection) -> int:
    """The number of the last change; 0 before the first."""
    # Of all there ever were: sqlite_sequence knows it also when they are forgotten.
    query = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    return connection.exec_driver_sql(query, (_CHANGES,)).scalar() or 0


def names(connection: Connection, since: int) -> set[str]:
    """The tables that were changed behind a number."""
    return set(
        connection.exec_driver_sql(f"SELECT DISTINCT name FROM {_CHANGES} WHERE seq > ?", (since,)).scalars()
    )


def of_table(connection: Connection, table: Table, since: int) -> Iterator[Key]:
    """The keys of the rows that were changed behind a number, each once."""
    return _keys(connection, table.name, len(key_columns(table)), since)


def of_octets(connection: Connection, since: int) -> Iterator[str]:
    """The mails whose octets came, went, or were put elsewhere behind a number, each once."""
    return (key[0] for key in _keys(connection, octets.NAME, 1, since))


def forget(connection: Connection, upto: int) -> bool:
    """Forgets some of the changes up to a number; True when there are more."""
    done = connection.exec_driver_sql(
        f"DELETE FROM {_CHANGES} WHERE seq IN (SELECT seq FROM {_CHANGES} WHERE seq <= ? ORDER BY seq LIMIT ?)",
        (upto, _FORGOTTEN_AT_ONCE),
    )
    return done.rowcount == _FORGOTTEN_AT_ONCE


def close(connection: Connection) -> None:
    """From the end of this transaction on nothing can be written any more, by whichever process."""
    for name in _triggers(connection, _PREFIX):
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    connection.exec_driver_sql(f"DROP TABLE {_CHANGES}")
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (schema.MOVED,))
    for name in [*Base.metadata.tables, "alembic_version"]:
        for event in ("INSERT", "UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER moved_{name}_{event.lower()} BEFORE {event} ON {name}"
                f" BEGIN SELECT RAISE(ABORT, '{MOVED_AWAY}'); END"
            )


def _keys(connection: Connection, name: str, columns: int, since: int) -> Iterator[Key]:
    wanted = ", ".join(_KEY_NAMES[:columns])
    query = f"SELECT DISTINCT {wanted} FROM {_CHANGES} WHERE name = ? AND seq > ?"
    for row in connection.exec_driver_sql(query, (name, since)):
        yield tuple(row)


def _note(connection: Connection, table: str, name: str, key: list[str]) -> None:
    into = f"INSERT INTO {_CHANGES} (name, {', '.join(_KEY_NAMES[: len(key)])})"
    old, new = (", ".join(f"{which}.{column}" for column in key) for which in ("OLD", "NEW"))
    for event, selected in {
        "INSERT": f"SELECT '{name}', {new} WHERE NEW.{key[0]} IS NOT NULL",
        "DELETE": f"SELECT '{name}', {old} WHERE OLD.{key[0]} IS NOT NULL",
        "UPDATE": f"SELECT '{name}', {old} WHERE OLD.{key[0]} IS NOT NULL"
        f" UNION SELECT '{name}', {new} WHERE NEW.{key[0]} IS NOT NULL",
    }.items():
        connection.exec_driver_sql(
            f"CREATE TRIGGER {_PREFIX}{table}_{event.lower()} AFTER {event} ON {table} BEGIN {into} {selected}; END"
        )


def _triggers(connection: Connection, prefix: str) -> list[str]:
    found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
    return [name for name in found.all() if name.startswith(prefix)]
