"""Multiplies the rows of a pattern inside the database: one statement a table for many invoices."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import JSON, Boolean, DateTime

from bench.pattern import OCTETS, TABLES, Pattern
from storage.tables.base import Base, UtcDateTime

# Of the table `made`: what is each invoice's own, in the order of its rows.
COLUMNS = {
    "number": "integer",
    "kind": "integer",  # whose pattern it follows
    "mail_id": "text",
    "invoice_id": "text",
    "account_id": "text",
    "received_at": "timestamptz",
    "expires_at": "timestamptz",
    "received_iso": "text",  # without a time zone
    "expires_iso": "text",
    "invoice_number": "text",
    "issue_date": "text",
    "seller": "text",
    "seller_key": "text",
    "total": "text",
    "total_key": "bigint",
    "words": "text",
}
_Portions = Iterable[Sequence[tuple[Any, ...]]]
_FIRST, _END = "(first)", "(end)"  # of a portion, in the statements


@dataclass(frozen=True)
class Dialect:
    """What the two engines say differently."""

    casts: bool  # every value needs its type
    random: Mapping[str, str]  # octets that no two mails share
    words: str  # each word of each invoice, as their table has them


IN_SQLITE = Dialect(
    casts=False,
    random={
        "transfer_digest": "randomblob(32)",
        "same_invoice": "randomblob(32)",
        "octets": f"randomblob({OCTETS})",
    },
    words="""
        INSERT INTO inbox_word (account_id, word, invoice_id)
        SELECT m.account_id, w.value, m.invoice_id
        FROM made AS m, json_each('["' || replace(ltrim(m.words), ' ', '","') || '"]') AS w
        ORDER BY 1, 2, 3
    """,
)
IN_POSTGRESQL = Dialect(
    casts=True,
    random={
        "transfer_digest": "sha256(convert_to(m.number || ' transfer', 'UTF8'))",
        "same_invoice": "sha256(convert_to(m.number || ' invoice', 'UTF8'))",
        "octets": f"convert_to(rpad(md5(m.number::text), {OCTETS}, md5(m.number || ' octets')), 'UTF8')",
    },
    words="""
        INSERT INTO inbox_word (account_id, word, invoice_id)
        SELECT m.account_id, w.word, m.invoice_id
        FROM made AS m, unnest(string_to_array(ltrim(m.words), ' ')) AS w (word)
    """,
)


def on_sqlite(
    connection: sqlite3.Connection,
    accounts: Sequence[tuple[str, str]],
    now: datetime,
    portions: _Portions,
    statements: Sequence[str],
) -> None:
    """Writes into a new file; a crash may spoil it. Triggers and indexes are made afterwards."""
    for setting in ("synchronous = OFF", "cache_size = -1500000", "threads = 2", "journal_mode = OFF"):
        connection.execute(f"PRAGMA {setting}")
    tables = ", ".join(f"'{table}'" for table in TABLES)
    in_the_way = connection.execute(
        f"SELECT type, name, sql FROM sqlite_master WHERE tbl_name IN ({tables}) "
        "AND type IN ('trigger', 'index') AND sql IS NOT NULL"
    ).fetchall()
    for kind, name, _ in in_the_way:
        connection.execute(f"DROP {kind} {name}")
    at = now.replace(tzinfo=None).isoformat(" ")
    connection.executemany(
        "INSERT INTO company_account (id, name, status, created_at) VALUES (?, ?, 'registered', ?)",
        ((*account, at) for account in accounts),
    )
    columns = ", ".join(name if name != "number" else "number INTEGER PRIMARY KEY" for name in COLUMNS)
    connection.execute(f"CREATE TEMP TABLE made ({columns})")
    marks = ", ".join("?" * len(COLUMNS))
    first = 0
    for portion in portions:
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO made VALUES ({marks})", portion)
        end = connection.execute("SELECT max(number) + 1 FROM made").fetchone()[0]
        for statement in statements[:-1]:
            connection.execute(statement.replace(_FIRST, str(first)).replace(_END, str(end)))
        connection.execute("COMMIT")
        first = end
    connection.execute(statements[-1])
    connection.execute("DROP TABLE made")
    for _, _, sql in in_the_way:
        connection.execute(sql)
    connection.execute("PRAGMA journal_mode = WAL")


def on_postgresql(
    server: psycopg.Connection[Any],
    accounts: Sequence[tuple[str, str]],
    now: datetime,
    portions: _Portions,
    statements: Sequence[str],
) -> None:
    """Writes into an empty database; keys and indexes of its tables are made afterwards."""
    for setting in ("synchronous_commit = off", "timezone = 'UTC'", "maintenance_work_mem = '512MB'"):
        server.execute(f"SET {setting}".encode())
    server.cursor().executemany(
        "INSERT INTO company_account (id, name, status, created_at) VALUES (%s, %s, 'registered', %s)",
        [(*account, now) for account in accounts],
    )
    server.execute(f"CREATE TEMP TABLE made ({', '.join(map(' '.join, COLUMNS.items()))})".encode())
    again = _without_keys(server)
    first = 0
    for portion in portions:
        with server.transaction():
            with server.cursor() as cursor, cursor.copy(b"COPY made FROM STDIN") as copy:
                for row in portion:
                    copy.write_row(row)
                    end = row[0] + 1
            for statement in statements:
                server.execute(statement.replace(_FIRST, str(first)).replace(_END, str(end)).encode())
            server.execute(b"TRUNCATE made")
        first = end
    for statement in again:
        server.execute(statement.encode())
    server.execute(b"VACUUM ANALYZE")


def _without_keys(server: psycopg.Connection[Any]) -> list[str]:
    """Drops keys and indexes of the tables, and what refers to them; statements that make them again."""
    tables = ", ".join(f"'{table}'::regclass" for table in TABLES)
    keys = server.execute(
        f"SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint "
        f"WHERE contype IN ('p', 'u', 'f') AND (conrelid IN ({tables}) OR confrelid IN ({tables})) "
        f"ORDER BY contype = 'f' DESC".encode()  # what refers to a key goes before it
    ).fetchall()
    for table, name, _ in keys:
        server.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
    indexes = server.execute(
        f"SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        f"WHERE indrelid IN ({tables})".encode()
    ).fetchall()
    for name, _ in indexes:
        server.execute(f"DROP INDEX {name}".encode())
    return [
        *(made for _, made in indexes),
        *(f"ALTER TABLE {table} ADD CONSTRAINT {name} {what}" for table, name, what in reversed(keys)),
    ]


def fan_out(patterns: Sequence[Pattern], dialect: Dialect) -> list[str]:
    """Statements that make the rows of a portion of the invoices, table by table; the last makes the words of all.

    Those of a table come in the order of the invoices, as mail does; an inbox's in that of the inbox.
    """
    tables = [table for table in TABLES if table != "inbox_word"]
    return [
        *(_made_up(one, kind, table, dialect) for table in tables for kind, one in enumerate(patterns)),
        dialect.words,
    ]


def _made_up(one: Pattern, kind: int, table: str, dialect: Dialect) -> str:
    rows = one.rows[table]
    values = {name: [_value(one, table, name, row[name], dialect) for row in rows] for name in rows[0]}
    places = " UNION ALL ".join(f"SELECT {place} AS place" for place in range(len(rows)))
    order = "m.account_id, m.invoice_id" if table == "inbox_entry" else "m.number, p.place"
    return (
        f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(map(_of_place, values.values()))} "
        f"FROM made AS m CROSS JOIN ({places}) AS p "
        f"WHERE m.kind = {kind} AND m.number >= {_FIRST} AND m.number < {_END} ORDER BY {order}"
    )


def _of_place(values: Sequence[str]) -> str:
    """One of several values, by the place of its row in the pattern."""
    if len(set(values)) == 1:
        return values[0]
    cases = " ".join(f"WHEN {place} THEN {value}" for place, value in enumerate(values))
    return f"CASE p.place {cases} END"


def _value(one: Pattern, table: str, column: str, value: Any, dialect: Dialect) -> str:
    """The SQL of a value: as the product wrote it, but for what is each invoice's own."""
    name = one.exact.get(value)
    if name is not None:
        written = dialect.random.get(name, f"m.{name}")
    elif isinstance(value, str):
        written = _text(value, one.within)
    elif isinstance(value, bytes):
        written = f"'\\x{value.hex()}'::bytea" if dialect.casts else f"X'{value.hex()}'"
    else:
        written = "NULL" if value is None else str(value)
    if not dialect.casts:
        return written
    kind = Base.metadata.tables[table].c[column].type
    named = "json" if isinstance(kind, JSON) else "boolean" if isinstance(kind, Boolean) else None
    named = "timestamptz" if isinstance(kind, UtcDateTime | DateTime) else named
    return f"CAST({written} AS {named})" if named else written


def _text(value: str, within: Mapping[str, str]) -> str:
    """A text with the own words of each invoice in it; made in one go, for most of it is always the same."""
    pieces = re.split("(" + "|".join(map(re.escape, within)) + ")", value)
    own = [f"m.{within[marker]}" for marker in pieces[1::2]]
    if not own:
        return _quoted(value)
    if not any(pieces[::2]) and len(own) == 1:
        return own[0]
    form = "%s".join(piece.replace("%", "%%") for piece in pieces[::2])
    return f"format({_quoted(form)}, {', '.join(own)})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
