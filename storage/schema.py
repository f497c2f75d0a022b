"""Brings the schema to the newest version, and says which one it has."""

from __future__ import annotations

from psycopg.errors import DeadlockDetected
from sqlalchemy import Engine, inspect
from sqlalchemy.engine import Connection
from tenacity import Retrying, retry_if_exception, stop_after_attempt

from storage.database.driver_errors import MOVED_AWAY
from storage.database.engine import WRITES
from storage.errors import SchemaMismatch

NEWEST = "0025"  # the last migration's; a test holds it to that

# Instead of a version, so that nobody takes either database for a mailbox (storage/moving).
MOVED = "moved"  # the SQLite database that everything has gone from
MOVING = "moving"  # the PostgreSQL database that not everything is in yet

_TRIES = 5
_LOCK = 0x1970_1CE5  # any number that only we use: PostgreSQL advisory lock of migrations


def current_version(connection: Connection) -> str | None:
    """The version of the database; None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def wrong_version(found: str | None) -> str:
    """What to do about a database that has another version than NEWEST."""
    if found == MOVED:
        return MOVED_AWAY
    if found == MOVING:
        return (
            "a mailbox is being moved into this database: `invoices move --database URL --finish` ends that"
        )
    return (
        f"the database has schema {found}, this version needs {NEWEST}: "
        "run `invoices migrate` (or the newer version of the program)"
    )


def migrate(engine: Engine) -> tuple[str | None, str]:
    """Upgrades to the newest version in one transaction; returns the versions before and after.

    Safe when several processes do it at once: one works, the others wait and find nothing to do. Also while an older
    version of the program is at work: where the two wait for each other, it is begun again.
    Raises SchemaMismatch when everything has moved from here, or not everything is here yet.
    """
    again = retry_if_exception(lambda error: isinstance(getattr(error, "orig", None), DeadlockDetected))
    return Retrying(stop=stop_after_attempt(_TRIES), retry=again, reraise=True)(_migrate, engine)


def _migrate(engine: Engine) -> tuple[str | None, str]:
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        before = current_version(connection)
        if before in (MOVED, MOVING):
            raise SchemaMismatch(wrong_version(before))
        if connection.dialect.name == "postgresql" and before not in (None, NEWEST):
            # In the order in which mail is taken in: whoever has a part of it is waited for, and nobody gets another.
            connection.exec_driver_sql(
                "LOCK TABLE received_mail, mail_octets, history_event IN ACCESS EXCLUSIVE MODE"
            )
        upgrade(connection, NEWEST)
        return before, NEWEST


def upgrade(connection: Connection, version: str) -> None:
    """Brings the schema to a version, within the transaction of `connection`."""
    from alembic import command  # noqa: PLC0415  -- a fifth of a second that no other command has to wait
    from alembic.config import Config  # noqa: PLC0415  -- the same

    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, version)
