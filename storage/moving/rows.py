"""Reads rows of a table by their keys on either engine, and puts them into PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Json
from sqlalchemy import JSON, Column, ColumnElement, Table, func, select, tuple_
from sqlalchemy.engine import Connection

from storage.errors import Conflict
from storage.tables.base import Base
from storage.tables.mails import MailExtentRow, MailOctetsRow, OctetSegmentRow

Key = tuple[Any, ...]
Values = tuple[Any, ...]

# The log of octets is SQLite's alone; octets are copied mail by mail, wherever they lie.
_APART = {table.__tablename__ for table in (MailOctetsRow, MailExtentRow, OctetSegmentRow)}
_POSTGRES_TYPES = {str: "text", int: "bigint", bytes: "bytea"}


def copied_tables() -> list[Table]:
    """Every table that is copied row by row, parents before their children."""
    return [table for table in Base.metadata.sorted_tables if table.name not in _APART]


def key_columns(table: Table) -> list[Column[Any]]:
    """The columns of the primary key, in its order."""
    return list(table.primary_key.columns)


def key_of(table: Table, values: Values) -> Key:
    """The key of a row."""
    named = dict(zip((column.name for column in table.columns), values, strict=True))
    return tuple(named[column.name] for column in key_columns(table))


def rows_after(connection: Connection, table: Table, after: Key | None, limit: int) -> list[Values]:
    """The next rows in the order of their keys, as SQLite sorts them: by octets."""
    query = select(table).order_by(*key_columns(table)).limit(limit)
    if after is not None:
        query = query.where(tuple_(*key_columns(table)) > tuple_(*after))
    return [tuple(row) for row in connection.execute(query)]


def rows_of(connection: Connection, table: Table, keys: Sequence[Key]) -> dict[Key, Values]:
    """Those of the rows that are there, by their keys."""
    if not keys:
        return {}
    rows = connection.execute(select(table).where(_is_one_of(table, keys)))
    return {key_of(table, tuple(row)): tuple(row) for row in rows}


def count(connection: Connection, table: Table) -> int:
    """How many rows there are."""
    return connection.scalar(select(func.count()).select_from(table)) or 0


def add(connection: Connection, table: Table, rows: Iterable[Values]) -> None:
    """Puts rows into PostgreSQL. Raises Conflict for what it cannot hold, psycopg.Error."""
    columns = [column.name for column in table.columns]
    as_json = [isinstance(column.type, JSON) for column in table.columns]
    names = ", ".join(f'"{name}"' for name in columns)
    try:
        with (
            driver(connection).cursor() as cursor,
            cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy,
        ):
            for row in rows:
                copy.write_row(
                    [
                        Json(value) if is_json and value is not None else value
                        for value, is_json in zip(row, as_json, strict=True)
                    ]
                )
    except psycopg.DataError as error:
        reason = str(error).partition("\n")[0]
        raise Conflict(f"PostgreSQL cannot hold a row of {table.name}: {reason}") from error


def remove(connection: Connection, table: Table, keys: Sequence[Key]) -> None:
    """Takes rows out of PostgreSQL, whether they are there or not."""
    columns = key_columns(table)
    casts = ", ".join(f"%s::{_POSTGRES_TYPES[column.type.python_type]}[]" for column in columns)
    names = ", ".join(f'"{column.name}"' for column in columns)
    same = " AND ".join(f'"{table.name}"."{column.name}" = gone."{column.name}"' for column in columns)
    driver(connection).execute(
        f'DELETE FROM "{table.name}" USING unnest({casts}) AS gone({names}) WHERE {same}',  # noqa: S608  -- our own names
        [list(values) for values in zip(*keys, strict=True)],
    )


def first_difference(table: Table, these: Mapping[Key, Values], those: Mapping[Key, Values]) -> str | None:
    """What is not the same in both, in words; None when all of it is."""
    for key in these.keys() | those.keys():
        if these.get(key) != those.get(key):
            shown = ", ".join(part.hex() if isinstance(part, bytes) else str(part) for part in key)
            return f"the row {shown} of {table.name} is not the same in both databases"
    return None


def driver(connection: Connection) -> Any:
    """psycopg's connection, in the same transaction."""
    return connection.connection.driver_connection


def _is_one_of(table: Table, keys: Sequence[Key]) -> ColumnElement[bool]:
    columns = key_columns(table)
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return tuple_(*columns).in_(keys)
