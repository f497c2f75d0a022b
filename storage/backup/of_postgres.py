"""Copies a PostgreSQL database table by table as it is at one instant, and puts the rows back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, MetaData, inspect
from sqlalchemy import Table as SqlTable
from sqlalchemy.engine import Connection

from storage import schema
from storage.backup.apart import Apart, Now, copy_out, put_back
from storage.backup.archive import BackupReader, BackupWriter
from storage.backup.manifest import Contents, NotABackup, Table
from storage.errors import Conflict

_TABLES = "tables"
_COUNTED = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = current_schema()
    AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL
"""


_APART = "SELECT mail_id, place, key FROM mail_blob WHERE mail_id IS NOT NULL ORDER BY key"


def back_up(engine: Engine, writer: BackupWriter, now: Now | None = None) -> Contents:
    """Copies every table within one snapshot; mail is taken and filed meanwhile.

    COPY and not pg_dump: a mailbox need not have PostgreSQL's programs of the server's version beside it.
    With `now`, octets outside the database come along.
    Raises psycopg.Error, OSError, StorageUnavailable, NotFound.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        version = schema.current_version(connection)
        if version is None:
            raise NotABackup("the database is empty, there is nothing to back up")
        tables = tuple(_copy_out(connection, table, writer) for table in _tables(connection))
        elsewhere = 0
        if now is not None:
            rows = connection.execution_options(yield_per=1000).exec_driver_sql(_APART)
            elsewhere = copy_out((Apart(*row) for row in rows), now, writer)
    return Contents(engine="postgresql", schema=version, tables=tables, elsewhere=elsewhere)


def restore(engine: Engine, reader: BackupReader) -> None:
    """Writes everything in one transaction into a database that is empty.

    Raises Conflict when it is not, NotABackup, psycopg.Error, OSError.
    """
    with engine.connect() as connection, connection.begin():
        if inspect(connection).get_table_names():
            raise Conflict("the database is not empty; a restore overwrites nothing: make a new one for it")
        contents = reader.manifest.contents
        schema.upgrade(connection, contents.schema)
        for table in contents.tables:
            _copy_in(connection, table, reader.pieces(f"{_TABLES}/{table.name}"))
        set_sequences(connection)
        put_back(reader)  # before anybody can look for it, and again should the commit fail


def _tables(connection: Connection) -> list[SqlTable]:
    """Of this database, whichever version of the program made it; parents before their children."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def _copy_out(connection: Connection, table: SqlTable, writer: BackupWriter) -> Table:
    columns = tuple(column.name for column in table.columns)
    with _driver(connection).cursor() as cursor:
        writer.write(
            f"{_TABLES}/{table.name}",
            _rows(cursor, f"COPY {_named(table.name, columns)} TO STDOUT (FORMAT BINARY)"),
        )
        return Table(table.name, columns, cursor.rowcount)


def _rows(cursor: Any, statement: str) -> Iterator[bytes]:
    with cursor.copy(statement) as copy:
        for piece in copy:
            yield bytes(piece)


def _copy_in(connection: Connection, table: Table, pieces: Iterator[bytes]) -> None:
    with _driver(connection).cursor() as cursor:
        with cursor.copy(f"COPY {_named(table.name, table.columns)} FROM STDIN (FORMAT BINARY)") as copy:
            for piece in pieces:
                copy.write(piece)
        if cursor.rowcount != table.rows:
            raise NotABackup(
                f"the backup has {cursor.rowcount} rows of {table.name}, its manifest {table.rows}"
            )


def set_sequences(connection: Connection) -> None:
    """COPY sets identifiers and does not count them; the next row needs one that is free."""
    for table, column in list(connection.exec_driver_sql(_COUNTED)):
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), "  # noqa: S608  -- our own names
            f'(SELECT coalesce(max("{column}"), 0) + 1 FROM "{table}"), false)'
        )


def _named(table: str, columns: tuple[str, ...]) -> str:
    listed = ", ".join(f'"{name}"' for name in columns)
    return f'"{table}" ({listed})'


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
