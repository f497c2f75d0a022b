"""A portal on an empty store, and browsers that visit it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from storage.store import Store
from tests.portal.browsers import Place, opened_place


@pytest.fixture
def place(sqlite_url: str) -> Iterator[Place]:
    """A portal on SQLite, for what does not depend on the engine."""
    yield from opened_place(sqlite_url)


@pytest.fixture
def place_on_each(database_url: str) -> Iterator[Place]:
    """A portal on each engine."""
    yield from opened_place(database_url)


Opened = Callable[[Store], Place]
