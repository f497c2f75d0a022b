"""Fills a database with made-up invoices, straight into the tables: ten million of them in minutes, not days."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import psycopg

from storage.store import Store

PORTION = 20_000
ACCOUNTS = 100
_DAY_OF_IDS = 86_400_000  # milliseconds; an id begins with its time, as UUID version 7 does
_TERMS = {
    "terms": {
        "format": "cii",
        "structured": True,
        "seller": {"name": "Supplier Ltd", "vat_id": "DE123456788", "identifiers": []},
        "buyer": {"name": "Company Ltd", "vat_id": None, "identifiers": []},
        "total_with_vat": "119.00",
        "currency": "EUR",
    },
    "document": {"path": "2", "name": "invoice.xml", "size": 300, "sha256": "0" * 64},
}
_TABLES = {
    "received_mail": [
        *("id", "received_at", "state", "outcome", "reverse_path", "forward_paths", "peer", "tls"),
        *("size", "transfer_digest", "failures", "content", "expires_at"),
    ],
    "mail_octets": ["mail_id", "position", "octets"],
    "invoice": [
        *("id", "mail_id", "position", "account_id", "matched_by", "environment", "state", "received_at"),
        *("expires_at", "invoice_number", "issue_date", "content", "same_invoice", "validation_status"),
    ],
    "history_event": ["mail_id", "invoice_id", "at", "event", "actor", "detail"],
    "inbox_entry": [
        *("account_id", "invoice_id", "received_at", "state", "environment", "invoice_number", "issue_date"),
        *("seller_name", "seller_key", "total", "total_key", "currency", "warnings", "words"),
    ],
    "inbox_word": ["account_id", "word", "invoice_id"],
}
_TYPES = {
    "received_mail": [
        *("varchar", "timestamptz", "varchar", "varchar", "text", "json", "text", "bool"),
        *("int4", "bytea", "int4", "json", "timestamptz"),
    ],
    "mail_octets": ["varchar", "int4", "bytea"],
    "invoice": [
        *("varchar", "varchar", "int4", "varchar", "text", "varchar", "varchar", "timestamptz"),
        *("timestamptz", "text", "text", "json", "bytea", "varchar"),
    ],
    "history_event": ["varchar", "varchar", "timestamptz", "varchar", "text", "json"],
    "inbox_entry": [
        *("varchar", "varchar", "timestamptz", "varchar", "varchar", "text", "text"),
        *("text", "text", "text", "int8", "text", "int4", "text"),
    ],
    "inbox_word": ["varchar", "text", "varchar"],
}
_Rows = dict[str, list[tuple[Any, ...]]]


def account_id(number: int) -> str:
    """The id of a made-up company account."""
    return f"00000000-0000-7000-8000-{number:012d}"


def fill(
    url: str,
    invoices: int,
    expired: int,
    *,
    companies: int = ACCOUNTS,
    changed: Callable[[int, str, tuple[Any, ...]], Iterable[tuple[Any, ...]]] | None = None,
) -> None:
    """`invoices` of which `expired` are due; each in a small mail of its own, as they would have come in.

    `changed` makes other rows of the one for (number, table), where they should not all be alike.
    """
    Store.open(url).close()
    now = datetime.now(UTC)
    numbers = iter(range(invoices))
    accounts = [account_id(number) for number in range(companies)]
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -200000")
            _add_accounts(connection, accounts, now.replace(tzinfo=None))
            while some := list(islice(numbers, PORTION)):
                connection.execute("BEGIN")
                for table, rows in _rows(
                    some, invoices, expired, accounts, now, changed, as_text=True
                ).items():
                    marks = ", ".join("?" * len(_TABLES[table]))
                    connection.executemany(
                        f"INSERT INTO {table} ({', '.join(_TABLES[table])}) VALUES ({marks})",
                        rows,
                    )
                connection.execute("COMMIT")
            connection.execute("ANALYZE")
        return
    with psycopg.connect(url.replace("+psycopg", "")) as server:
        _add_accounts(server, accounts, now)
        while some := list(islice(numbers, PORTION)):
            for table, rows in _rows(some, invoices, expired, accounts, now, changed, as_text=False).items():
                columns = ", ".join(_TABLES[table])
                with (
                    server.cursor() as cursor,
                    cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)".encode()) as copy,
                ):
                    copy.set_types(_TYPES[table])
                    for row in rows:
                        copy.write_row(row)
            server.commit()
        server.autocommit = True
        server.execute("VACUUM ANALYZE")


def _add_accounts(connection: Any, accounts: list[str], now: datetime) -> None:
    for number, account_id in enumerate(accounts):
        sqlite = isinstance(connection, sqlite3.Connection)
        statement = (
            "INSERT INTO company_account (id, name, status, created_at) VALUES (%s, %s, 'registered', %s)"
        )
        connection.execute(
            statement.replace("%s", "?") if sqlite else statement,
            (account_id, f"Company {number}", str(now) if sqlite else now),
        )


def _rows(
    numbers: list[int],
    invoices: int,
    expired: int,
    accounts: list[str],
    now: datetime,
    changed: Callable[[int, str, tuple[Any, ...]], Iterable[tuple[Any, ...]]] | None,
    *,
    as_text: bool,
) -> _Rows:
    rows: _Rows = {table: [] for table in _TABLES}
    for number in numbers:
        for table, made in _records(number, invoices, expired, accounts, now, as_text=as_text):
            rows[table] += changed(number, table, made) if changed else [made]
    return rows


def _records(
    number: int, invoices: int, expired: int, accounts: list[str], now: datetime, *, as_text: bool
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What one mail with its invoice adds to each table."""
    share = number / invoices
    due = number < expired
    # The due ones came in up to ten days before the 90 that are over, the others since, evenly.
    age = timedelta(days=100 - 9.9 * number / expired) if due else timedelta(days=89 * (1 - share))
    received, expires = now - age, now - age + timedelta(days=90)
    mail_id, invoice_id = _id(received, number, "a"), _id(received, number, "b")
    account_id = accounts[number % len(accounts)]
    at, until = (_instant(received), _instant(expires)) if as_text else (received, expires)
    content: Any = json.dumps(_TERMS) if as_text else _TERMS
    empty: Any = json.dumps([]) if as_text else []
    detail: Any = {"environment": "productive", "expires_at": expires.isoformat()}
    if not as_text:
        detail, content, empty = map(psycopg.types.json.Json, (detail, content, empty))
    else:
        detail = json.dumps(detail)
    digest = hashlib.sha256(b"%d" % number).digest()
    yield (
        "received_mail",
        (
            mail_id,
            at,
            "filed",
            "recorded",
            "a@b.example",
            empty,
            "::1",
            False,
            300,
            digest,
            0,
            content,
            until,
        ),
    )
    yield "mail_octets", (mail_id, 0, os.urandom(300))
    yield (
        "invoice",
        (
            *(invoice_id, mail_id, 0, account_id, "recipient-address", "productive", "available", at, until),
            *(f"R-{number}", "2026-01-01", content, digest, "valid"),
        ),
    )
    yield "history_event", (mail_id, None, at, "received", "smtp", empty)
    yield "history_event", (mail_id, invoice_id, at, "recorded", "worker", detail)
    words = [f"r{number}", "supplier", "ltd", "11900"]
    yield (
        "inbox_entry",
        (
            *(account_id, invoice_id, at, "available", "productive", f"R-{number}", "2026-01-01"),
            *("Supplier Ltd", "supplier ltd", "119.00", 11900, "EUR", 0, " ".join(words)),
        ),
    )
    for word in words:
        yield "inbox_word", (account_id, word, invoice_id)


def _id(at: datetime, number: int, kind: str) -> str:
    when = f"{int(at.timestamp() * 1000):012x}"
    return f"{when[:8]}-{when[8:]}-7000-{kind}000-{number:012x}"


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")
