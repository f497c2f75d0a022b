"""The commands on an empty store of a test's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

pytest.register_assert_rewrite("tests.commands")  # before its import: what a command answered is then shown

from tests.commands import Commands, commands_on  # noqa: E402  -- see above


@pytest.fixture
def commands(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The commands on an empty store, of each engine."""
    return commands_on(database_url, tmp_path, monkeypatch)


@pytest.fixture
def on_sqlite(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The same on SQLite alone, for what does not depend on the engine."""
    return commands_on(sqlite_url, tmp_path, monkeypatch)


@pytest.fixture
def another(database_url: str, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes urls of more databases of the same engine, which are empty."""
    made = []
    server = database_url.replace("postgresql+psycopg://", "postgresql://")

    def make() -> str:
        name = f"test_{uuid.uuid4().hex}"
        if database_url.startswith("sqlite"):
            return f"sqlite:///{tmp_path / name / 'invoices.db'}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        made.append(name)
        before, _, after = database_url.partition("?")
        return f"{before.rpartition('/')[0]}/{name}?{after}"

    yield make
    for name in made:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
