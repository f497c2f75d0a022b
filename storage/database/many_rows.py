"""Adds or changes many rows of a table in one statement, whatever their number."""

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
    TableValuedAlias,
    Text,
    Update,
    bindparam,
    cast,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from storage.database.straight import carry_out, is_rehearsed

_PARAMETER = "row_"  # before the names of columns, which are taken in an UPDATE
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
    connection.execute(_from_arrays(table, columns), _arrays(table, columns, rows))


def update_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], emptied: tuple[str, ...] = ()
) -> None:
    """Changes the rows that have the `id` of one of `rows` to what that says, the same columns each.

    Those of `emptied` become NULL in all of them.
    """
    if not rows:
        return
    columns = tuple(rows[0])
    if connection.dialect.name == "sqlite" or len(rows) <= _FEW:
        named = [{_PARAMETER + column: value for column, value in row.items()} for row in rows]
        connection.execute(_one_by_one(table, columns, emptied), named)
        return
    connection.execute(_by_arrays(table, columns, emptied), _arrays(table, columns, rows))


def _arrays(table: Table, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {_PARAMETER + column: [_sent(table, column)(row[column]) for row in rows] for column in columns}


@cache
def _one_by_one(table: Table, columns: tuple[str, ...], emptied: tuple[str, ...]) -> Update:
    values: dict[str, Any] = {column: bindparam(_PARAMETER + column) for column in columns if column != "id"}
    by_id = update(table).where(table.c.id == bindparam(f"{_PARAMETER}id"))
    return by_id.values({**values, **dict.fromkeys(emptied)})


@cache
def _by_arrays(table: Table, columns: tuple[str, ...], emptied: tuple[str, ...]) -> Update:
    rows = _unnested(table, columns, "changed")
    values: dict[str, Any] = {
        column: _received(table, column, rows.c[column]) for column in columns if column != "id"
    }
    return update(table).where(table.c.id == rows.c.id).values({**values, **dict.fromkeys(emptied)})


@cache
def _as_they_are(table: Table) -> Insert:
    return insert(table).inline()


@cache
def _from_arrays(table: Table, columns: tuple[str, ...]) -> Executable:
    """The rows come out of `unnest` in the order of the arrays, and are numbered in that order."""
    rows = _unnested(table, columns, "added")
    values = [_received(table, column, rows.c[column]) for column in columns]
    return insert(table).from_select(list(columns), select(*values))


def _unnested(table: Table, columns: tuple[str, ...], name: str) -> TableValuedAlias:
    """An array for each column: one text of the statement, so that PostgreSQL plans it once."""
    arrays = (bindparam(_PARAMETER + column, type_=ARRAY(_sent_as(table, column))) for column in columns)
    return func.unnest(*arrays).table_valued(*columns, name=name).render_derived()


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
