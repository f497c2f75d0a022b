"""Opens the database and sets what each engine needs to be safe."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, ExceptionContext, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from storage.database.checkpoints import MOST_PAGES
from storage.database.postgres_session import (
    CONNECT_SECONDS,
    SET_LOCAL,
    connect_arguments,
    prepare_session,
    still_there,
)

BUSY_SECONDS = 30  # how long SQLite waits for another writer before the store counts as away
PAGE_OCTETS = 8192  # the least work for mails of 10 KB to 1 MB, of 4, 8, 16 and 32 KiB
WRITES = "invoices_writes"  # execution option: this transaction will write
MASTER_KEY = "invoices_master_key"  # execution option of the engine: wraps the keys of mails
POOLED = "invoices_pooled"  # in the info of a connection: it leads through a pooler
_LEFT_AT = "invoices_left_at"  # in the info of a connection: when it came back into the pool
LAZILY = "invoices_lazily"  # execution option: PostgreSQL need not have its commit on the disk


def open_engine(url: str | URL, *, lazily: bool = False) -> Engine:
    """An engine for SQLite or PostgreSQL (psycopg); no connection is made yet.

    `lazily`: commits of SQLite's do not wait for the disk. It is a matter of the connection, so that those that have
    to wait must never come from the same engine.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, lazily=lazily)
    return _open_postgres(parsed)


def database_file(engine: Engine) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    name = engine.url.database if engine.dialect.name == "sqlite" else None
    return Path(name) if name else None


def is_missing_file(url: str) -> bool:
    """Whether `url` names an SQLite file that is not there; connecting would make it."""
    parsed = make_url(url)
    return (
        parsed.get_backend_name() == "sqlite"
        and bool(parsed.database)
        and not Path(parsed.database or "").exists()
    )


def _open_postgres(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=5,
        max_overflow=10,
        pool_use_lifo=True,  # few connections with all that they have planned, rather than many in turns
        pool_timeout=CONNECT_SECONDS,
        connect_args=connect_arguments(url),
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: psycopg.Connection[Any], entry: ConnectionPoolEntry) -> None:
        entry.info[POOLED] = prepare_session(connection)

    @event.listens_for(engine, "checkin")
    def _on_checkin(_: object, entry: ConnectionPoolEntry) -> None:
        entry.info[_LEFT_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _on_checkout(connection: psycopg.Connection[Any], entry: ConnectionPoolEntry, _: object) -> None:
        left_at = entry.info.get(_LEFT_AT)
        if left_at is not None and not still_there(connection, time.monotonic() - left_at):
            raise InvalidatePoolError  # those that were opened before it are lost, too

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        if connection.info.get(POOLED) and connection.get_execution_options().get(WRITES):
            connection.exec_driver_sql(SET_LOCAL)
        # Of this transaction only: the session may be somebody's next who has to wait for the disk.
        if connection.get_execution_options().get(LAZILY):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    @event.listens_for(engine, "handle_error")
    def _on_error(context: ExceptionContext) -> None:
        # A server that became a standby: the next connection looks anew for the one that can be written.
        if isinstance(context.original_exception, psycopg.errors.ReadOnlySqlTransaction):
            context.is_disconnect = True

    return engine


def _open_sqlite(url: URL, *, lazily: bool) -> Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "cached_statements": 512})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin below, not inside the driver
        connection.execute(f"PRAGMA page_size = {PAGE_OCTETS}")  # of a new file; an old one keeps its own
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if lazily else 'FULL'}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten, not only forgotten
        connection.execute(f"PRAGMA wal_autocheckpoint = {MOST_PAGES}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # A writer that starts as a reader can fail halfway with SQLITE_BUSY, whatever the timeout.
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
