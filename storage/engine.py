"""Opens the database and sets what each engine needs to be safe."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from storage.checkpoints import MOST_PAGES
from storage.octet_log import OctetLog

BUSY_SECONDS = 30  # how long SQLite waits for another writer before the store counts as away
CONNECT_SECONDS = 5
PAGE_OCTETS = 8192  # the least work for mails of 10 KB to 1 MB, of 4, 8, 16 and 32 KiB
WRITES = "invoices_writes"  # execution option: this transaction will write


def open_engine(url: str) -> Engine:
    """An engine for SQLite or PostgreSQL (psycopg); no connection is made yet."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed)
    engine = create_engine(
        parsed,
        pool_size=5,
        max_overflow=10,
        pool_pre_ping=True,
        pool_timeout=CONNECT_SECONDS,
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "invoices"},
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: object, _: ConnectionPoolEntry) -> None:
        # A server default of "off" would make 250 a lie; this says it for every transaction of ours.
        with connection.cursor() as cursor:  # type: ignore[attr-defined]  # psycopg's connection
            cursor.execute("SET synchronous_commit = on")
            cursor.execute("SET TIME ZONE 'UTC'")
        connection.commit()  # type: ignore[attr-defined]  # the same

    return engine


def database_file(engine: Engine) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    name = engine.url.database if engine.dialect.name == "sqlite" else None
    return Path(name) if name else None


def octet_log(engine: Engine) -> OctetLog | None:
    """The log that takes large mails of an SQLite database; it lies beside the file. None for PostgreSQL."""
    file = database_file(engine)
    return OctetLog(file.with_name(f"{file.name}-octets")) if file else None


def is_missing_file(url: str) -> bool:
    """Whether `url` names an SQLite file that is not there; connecting would make it."""
    parsed = make_url(url)
    return (
        parsed.get_backend_name() == "sqlite"
        and bool(parsed.database)
        and not Path(parsed.database or "").exists()
    )


def _open_sqlite(url: URL) -> Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "cached_statements": 512})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin below, not inside the driver
        connection.execute(f"PRAGMA page_size = {PAGE_OCTETS}")  # of a new file; an old one keeps its own
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten, not only forgotten
        connection.execute(f"PRAGMA wal_autocheckpoint = {MOST_PAGES}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # A writer that starts as a reader can fail halfway with SQLITE_BUSY, whatever the timeout.
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
