"""Brings the schema to the newest version, and says which one it has."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from storage.engine import WRITES

_LOCK = 0x1970_1CE5  # any number that only we use: PostgreSQL advisory lock of migrations


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    return config


def newest_version() -> str:
    """The version that this release needs."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current_version(connection: Connection) -> str | None:
    """The version of the database; None when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(engine: Engine) -> tuple[str | None, str]:
    """Upgrades to the newest version in one transaction; returns the versions before and after.

    Safe when several processes do it at once: one works, the others wait and find nothing to do.
    """
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        before = current_version(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return before, newest_version()
