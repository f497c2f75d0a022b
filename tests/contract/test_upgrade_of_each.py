"""A database, or a backup, of every earlier schema comes to today's with all that was in it."""

from __future__ import annotations

import itertools
import os
import threading
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

from fixtures.mailbox import patiently
from storage import schema
from storage.backup.archive import BackupReader, new_backup
from storage.database.engine import WRITES, open_engine
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


class _ProgramOfItsTime:
    """Takes mail as the program of an earlier schema did: the columns of that time, envelope and octets at once."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        found = sa.MetaData()
        found.reflect(self._engine, only=["received_mail", "mail_octets"])
        self._tables = found.tables
        self.taken: dict[str, bytes] = {}  # what was answered 250
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> _ProgramOfItsTime:
        self._thread.start()
        for _ in patiently("no mail is taken"):
            if self.taken:
                break
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._engine.dispose()

    def _work(self) -> None:
        for number in itertools.count():
            if self._ended.wait(0.002):
                return
            mail_id, octets = f"mail-{number}", os.urandom(2000)
            try:
                with (
                    self._engine.connect().execution_options(**{WRITES: True}) as connection,
                    connection.begin(),
                ):
                    self._add(connection, mail_id, octets)
            except (sa.exc.DBAPIError, sa.exc.TimeoutError):
                continue  # 451; whoever sends has it still
            self.taken[mail_id] = octets

    def _add(self, connection: sa.Connection, mail_id: str, octets: bytes) -> None:
        for name, own in (
            ("received_mail", {"id": mail_id, "transfer_digest": mail_id.encode(), "size": len(octets)}),
            ("mail_octets", {"mail_id": mail_id, "octets": octets, "position": 0}),
        ):
            table = self._tables[name]
            row = {column.name: _value(column) for column in table.columns if column.server_default is None}
            row |= {key: value for key, value in own.items() if key in table.columns}
            connection.execute(table.insert().values(row))


@pytest.mark.parametrize("version", EARLIER)
def test_nothing_is_lost_on_the_way_from_an_earlier_schema(database_url: str, version: str) -> None:
    """Every row of every table is there afterwards, with every mail that was taken meanwhile, and mail is taken."""
    before = _filled(database_url, version)

    with _ProgramOfItsTime(database_url) as receiving:
        migrated = Store.migrate(database_url)

    assert migrated == (version, schema.NEWEST)
    rows = _rows(database_url, list(before))
    assert {name: count for name, count in rows.items() if count < before[name]} == {}
    with closing(Store.open(database_url)) as store:
        with store.reading() as records:
            found = {mail_id: records.mails.octets(mail_id) for mail_id in receiving.taken}
        assert found == receiving.taken
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
