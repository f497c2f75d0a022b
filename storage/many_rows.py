"""Adds many rows to a table in one statement, whatever their number."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Executable,
    Insert,
    String,
    Table,
    Text,
    bindparam,
    cast,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from storage.straight import carry_out, is_rehearsed

_FEW = 2  # rows that are cheaper as they are


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds rows with the same columns each, in their order."""
    if not rows:
        return
    if is_rehearsed(connection):
        carry_out(connection, _as_they_are(table), rows)
        return
    if connection.dialect.name == "sqlite" or len(rows) <= _FEW:
        # The driver of SQLite takes all rows at once; nothing is on the way to a server.
        connection.execute(_as_they_are(table), list(rows))
        return
    columns = tuple(rows[0])
    arrays = {column: [_sent(table, column)(row[column]) for row in rows] for column in columns}
    connection.execute(_from_arrays(table, columns), arrays)


@cache
def _as_they_are(table: Table) -> Insert:
    return insert(table).inline()


@cache
def _from_arrays(table: Table, columns: tuple[str, ...]) -> Executable:
    """An array for each column: one text of the statement, so that PostgreSQL plans it once.

    The rows come out of `unnest` in the order of the arrays, and are numbered in that order.
    """
    arrays = (bindparam(column, type_=ARRAY(_sent_as(table, column))) for column in columns)
    rows = func.unnest(*arrays).table_valued(*columns, name="added").render_derived()
    values = [_received(table, column, rows.c[column]) for column in columns]
    return insert(table).from_select(list(columns), select(*values))


def _sent_as(table: Table, column: str) -> Any:
    """Texts without their length: what is cast to a shorter type is cut, and not refused."""
    kind = table.c[column].type
    return Text() if isinstance(kind, String | JSON) else kind


@cache
def _sent(table: Table, column: str) -> Callable[[Any], Any]:
    # A list in an array of lists would be one more dimension.
    return _json if isinstance(table.c[column].type, JSON) else _as_it_is


def _received(table: Table, column: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(value, JSON) if isinstance(table.c[column].type, JSON) else value


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _as_it_is(value: Any) -> Any:
    return value
