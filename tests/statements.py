"""Counts the statements that go to a database, since over the wire each is a round trip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from storage.store import Store


@contextmanager
def counted_statements(store: Store) -> Iterator[list[str]]:
    """The statements that go to the database meanwhile; one that takes many rows at once is one."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(store._engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(store._engine, "before_cursor_execute", note)
