"""The schema comes from the migrations alone, and the store knows which version it needs."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from storage import schema
from storage.errors import SchemaMismatch, StorageUnavailable
from storage.expiring.what_stays import undecided
from storage.store import Store
from storage.tables import Base


@pytest.mark.usefixtures("store")
def test_the_migrations_make_what_tables_py_says(database_url: str) -> None:
    """No table, column or index is in one of the two only."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()

    assert found == []


def test_the_newest_version_is_the_last_migrations() -> None:
    """storage/schema.py names it, so that commands need not load the migrations to know."""
    config = Config()
    config.set_main_option("script_location", "storage:migrations")

    assert ScriptDirectory.from_config(config).get_current_head() == schema.NEWEST


@pytest.mark.usefixtures("store")
def test_a_database_of_another_version_is_refused(database_url: str) -> None:
    """With what to run in the message; nothing is written to it."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    engine.dispose()

    with pytest.raises(SchemaMismatch, match="run `invoices migrate`"):
        Store.open(database_url)


def test_several_programs_may_start_on_an_empty_database(database_url: str) -> None:
    """One makes the schema, the others find it; the first install starts every unit at once."""
    failures: list[Exception] = []

    def start() -> None:
        try:
            Store.open(database_url).close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert Store.schema(database_url) == (schema.NEWEST, schema.NEWEST)


def test_a_missing_database_is_unavailable() -> None:
    """It may come back: the caller tries again."""
    with pytest.raises(StorageUnavailable):
        Store.open("postgresql+psycopg://nobody@127.0.0.1:1/none")


def test_what_becomes_of_every_table_and_column_is_decided() -> None:
    """A new one must say in storage/expiring/what_stays.py what retention does to it, or it outlives its invoice."""
    assert undecided() == set()
