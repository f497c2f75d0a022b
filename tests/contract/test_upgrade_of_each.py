"""A database, or a backup, of every earlier schema comes to today's with all that was in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from storage import schema
from storage.backup.archive import BackupReader, new_backup
from storage.engine import open_engine
from storage.store import Store
from tests import making

CONFIG = Config()
CONFIG.set_main_option("script_location", "storage:migrations")
EARLIER = sorted(one.revision for one in ScriptDirectory.from_config(CONFIG).walk_revisions())[:-1]
NOT_FILLED = {"alembic_version", "retention_permit"}  # a permit is there within one transaction only
VALUES: dict[str, Any] = {"state": "received", "kind": "address", "forward_paths": ["a@company.example"]}


def _value(column: sa.Column[Any]) -> Any:
    """Something that fits; what nobody has to know stays unknown."""
    if column.name in VALUES:
        return VALUES[column.name]
    if column.nullable:
        return None
    kind = column.type
    if isinstance(kind, sa.DateTime):
        return datetime(2026, 11, 1)  # noqa: DTZ001  -- SQLite keeps none, PostgreSQL takes it in its own zone
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, (sa.Integer, sa.Numeric)):
        return 1
    if isinstance(kind, sa.LargeBinary):
        return column.name.encode() * 4
    if isinstance(kind, sa.JSON):
        return {}
    return f"{column.table.name}-1"[: getattr(kind, "length", None)]


def _filled(url: str, version: str) -> dict[str, int]:
    """A database of that schema with a row in each table; how many there are."""
    engine = open_engine(url)
    with engine.begin() as connection:
        CONFIG.attributes["connection"] = connection
        command.upgrade(CONFIG, version)
    found = sa.MetaData()
    found.reflect(engine)
    tables = [table for table in found.sorted_tables if table.name not in NOT_FILLED]
    with engine.begin() as connection:
        for table in tables:
            if connection.scalar(sa.select(sa.func.count()).select_from(table)):
                continue  # what the schema itself puts in
            row = {column.name: _value(column) for column in table.columns if column.server_default is None}
            for key in table.foreign_keys:
                if row.get(key.parent.name) is not None:
                    row[key.parent.name] = connection.scalar(sa.select(key.column).limit(1))
            connection.execute(table.insert().values(row))
        rows = {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in tables
        }
    engine.dispose()
    return rows


def _rows(url: str, names: list[str]) -> dict[str, int]:
    engine = open_engine(url)
    with engine.connect() as connection:
        rows = {name: connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) for name in names}  # noqa: S608
    engine.dispose()
    return {name: count or 0 for name, count in rows.items()}


@pytest.mark.parametrize("version", EARLIER)
def test_nothing_is_lost_on_the_way_from_an_earlier_schema(database_url: str, version: str) -> None:
    """Every row of every table is there afterwards, and the store takes mail."""
    before = _filled(database_url, version)

    migrated = Store.migrate(database_url)

    assert migrated == (version, schema.NEWEST)
    assert _rows(database_url, list(before)) == before
    with closing(Store.open(database_url)) as store:
        assert store.add_mails([making.incoming()])[0].duplicate is False


@pytest.mark.parametrize("version", ["0004", EARLIER[-1]])  # the first that could be backed up, and the last
def test_a_backup_of_an_earlier_schema_is_restored_into_todays(
    database_url: str, another: Callable[[], str], tmp_path: Path, version: str
) -> None:
    """After years the program that made it may not be at hand any more."""
    before = _filled(database_url, version)
    with closing(Store(open_engine(database_url))) as old, new_backup(tmp_path / "kept.tar") as writer:
        old.back_up(writer, now=making.NOW)
    url = another()

    with closing(BackupReader(tmp_path / "kept.tar")) as reader:
        Store.restore(url, reader)

    assert Store.schema(url) == (schema.NEWEST, schema.NEWEST)
    assert _rows(url, list(before)) == before
