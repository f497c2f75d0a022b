"""What a commit leaves in SQLite's log is brought into the file beside the commits."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from storage.database.checkpoints import OCTETS_BETWEEN, Checkpoints
from storage.store import Store
from tests import making


def test_a_log_that_grew_is_brought_into_the_file_by_the_thread(tmp_path: Path) -> None:
    """Else the commit that finds it full would wait for it, and every session with that commit."""
    file = tmp_path / "invoices.db"
    Store.open(f"sqlite:///{file}").close()
    with sqlite3.connect(file) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("CREATE TABLE bulk (octets BLOB)")
        writer.execute("INSERT INTO bulk VALUES (zeroblob(?))", (2 * OCTETS_BETWEEN,))
        writer.commit()
        before = file.stat().st_size
        checkpoints = Checkpoints(file)

        checkpoints.committed(OCTETS_BETWEEN)

        give_up = time.monotonic() + 30
        while file.stat().st_size == before and time.monotonic() < give_up:
            time.sleep(0.01)
        checkpoints.close()
    assert file.stat().st_size >= before + 2 * OCTETS_BETWEEN


def test_the_log_stays_bounded_while_mails_come_in(tmp_path: Path) -> None:
    """Many mails in a row do not leave a log as large as all of them."""
    file = tmp_path / "invoices.db"
    store = Store.open(f"sqlite:///{file}")
    octets = bytes(20_000)

    for number in range(150):
        store.add_mails([making.incoming(octets + b"%d-%d" % (number, one)) for one in range(64)])

    largest = file.with_name("invoices.db-wal").stat().st_size
    store.close()
    assert largest < 100 * 1024 * 1024 < 150 * 64 * 20_000


def test_a_file_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    """The connection beside the commits must not make an empty database where the real one was taken away."""
    file = tmp_path / "invoices.db"

    with pytest.raises(sqlite3.OperationalError):
        Checkpoints(file)

    assert not file.exists()
