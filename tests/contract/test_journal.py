"""SQLite's journal begins anew once it was brought into the file, also while mail comes in."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from storage.database.journal import _relieve
from storage.store import Store
from tests import making


class _Meeting:
    """A connection; something else happens once its first statement is carried out."""

    def __init__(self, connection: sqlite3.Connection, happens: Callable[[], object]) -> None:
        self._connection = connection
        self._happen = [happens]

    def execute(self, sql: str) -> Any:
        cursor = self._connection.execute(sql)
        while self._happen:
            self._happen.pop()()
        return cursor


def test_a_journal_that_did_not_all_go_at_once_begins_anew_all_the_same(tmp_path: Path) -> None:
    """Something stayed as often as mail came in meanwhile, or somebody read; the journal went on behind its end then,
    until a commit found it full and everybody waited for as long as it took to bring 64 MB into the file.
    """
    file = tmp_path / "invoices.db"
    store = Store.open(f"sqlite:///{file}")
    for _ in range(20):
        store.add_mails([making.incoming(os.urandom(9_000))])
    log = file.with_name("invoices.db-wal")

    with (
        closing(sqlite3.connect(file, isolation_level=None)) as connection,
        closing(sqlite3.connect(file, isolation_level=None)) as reader,
    ):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM received_mail").fetchone()
        store.add_mails([making.incoming(os.urandom(9_000))])
        pages = _relieve(_Meeting(connection, reader.rollback))
        before = log.stat().st_size
        store.add_mails([making.incoming(os.urandom(9_000))])
    after = log.stat().st_size
    store.close()

    assert pages > 20
    assert after == before


def test_relieving_tells_how_much_it_was(sqlite_url: str) -> None:
    """By which retention decides when the next time is."""
    store = Store.open(sqlite_url)
    store.add_mails([making.incoming()])

    pages = store.journal.relieve()
    store.close()

    assert pages > 0
