"""Looks at a database without changing it: whether it answers, can be written, and what time it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from storage import schema
from storage.database.engine import WRITES
from storage.database.postgres_session import names_several_hosts


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was found."""

    schema: str | None  # its version; None when the database is empty
    server: str  # name and version
    clock: datetime | None  # of a server; None where the database is a file of this machine
    obstacle: str | None  # why it cannot serve, with what to do
    remark: str | None = None  # what may cost mail one day, with what to do


def probe(engine: Engine) -> Probe:
    """Begins a transaction that would write, and undoes it. Raises what the driver raises."""
    with engine.connect().execution_options(**{WRITES: True}) as connection:
        found = _of_postgres(connection) if engine.dialect.name == "postgresql" else _of_sqlite(connection)
        connection.rollback()
    return found


def _of_sqlite(connection: Connection) -> Probe:
    version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
    return Probe(
        schema=schema.current_version(connection), server=f"SQLite {version}", clock=None, obstacle=None
    )


def _of_postgres(connection: Connection) -> Probe:
    row = connection.execute(
        text(
            "SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding, "
            "current_setting('transaction_read_only') AS read_only, clock_timestamp() AS clock, "
            "current_setting('fsync') AS fsync, current_setting('synchronous_standby_names') AS waits_for, "
            "(SELECT count(*) FROM pg_stat_replication) AS standbys"
        )
    ).one()
    obstacle = None
    if row.encoding != "UTF8":
        obstacle = (
            f"its encoding is {row.encoding}: make a database with --encoding=UTF8 --template=template0"
        )
    elif row.read_only == "on":
        obstacle = "it cannot be written, as a standby: name the primary in database.url"
    elif row.fsync != "on":
        obstacle = "fsync is off, so a 250 would be no promise: switch it on in postgresql.conf"
    remark = None
    if (row.standbys or names_several_hosts(connection.engine.url)) and not row.waits_for:
        remark = (
            "no commit waits for a standby, so a failover may lose mails that were answered 250: "
            "set synchronous_standby_names"
        )
    return Probe(
        remark=remark,
        schema=schema.current_version(connection),
        server=f"PostgreSQL {row.version.split()[0]}",
        clock=row.clock.astimezone(UTC),
        obstacle=obstacle,
    )
