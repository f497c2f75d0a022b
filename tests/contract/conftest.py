"""The commands on an empty store of a test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.commands")  # before its import: what a command answered is then shown

from tests.commands import Commands, commands_on  # noqa: E402  -- see above


@pytest.fixture
def commands(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The commands on an empty store, of each engine."""
    return commands_on(database_url, tmp_path, monkeypatch)


@pytest.fixture
def on_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The same on SQLite alone, for what does not depend on the engine."""
    return commands_on(f"sqlite:///{tmp_path / 'invoices.db'}", tmp_path, monkeypatch)
