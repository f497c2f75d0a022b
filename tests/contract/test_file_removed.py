"""An SQLite file that vanishes under a running daemon: no mail is answered 250 that would vanish with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.errors import StorageUnavailable
from storage.store import Store
from tests import making


def test_a_removed_file_takes_no_more_mail_until_it_is_back(tmp_path: Path) -> None:
    """Mails once went into the file that nobody could see any more, and were lost at the restart."""
    file = tmp_path / "invoices.db"
    store = Store.open(f"sqlite:///{file}")
    away = file.rename(tmp_path / "away.db")

    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="was removed or replaced"):
            store.add_mails([making.incoming()])
    away.rename(file)
    mail = making.incoming()
    store.add_mails([mail])

    with store.reading() as records:
        assert [one.id for one in records.mails.select()] == [mail.id]
    store.close()


def test_a_file_that_is_no_database_is_named_in_a_sentence(tmp_path: Path) -> None:
    """Not in a stack trace."""
    file = tmp_path / "text"
    file.write_text("no database " * 1000)

    with pytest.raises(StorageUnavailable, match="not a database"):
        Store.open(f"sqlite:///{file}")
