"""A command that files mails has their senders checked before it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.local_worker import LocalWorker
from config.load import load
from fixtures.expectation import cases
from ingest.processing import calls
from storage.store import Store
from tests import making


def test_senders_are_checked_as_soon_as_mails_are_filed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look that comes every five seconds by itself came just when the command had waited long enough: each replay
    took five seconds, and on a busy machine it ended without what is suspicious about the sender.
    """
    monkeypatch.setattr(calls, "IDLE_SECONDS", 600.0)
    settings = load(None, {"INVOICES_DATA_DIR": str(tmp_path), "INVOICES_AUTHENTICATION__RESOLVERS": ""})
    store = Store.open(settings.database.url.get_secret_value())
    mail = making.incoming(next(iter(cases())).octets)

    with LocalWorker(settings, store) as worker:
        store.add_mails([mail])
        worker.wait_for([mail.id])

    with store.reading() as records:
        assert not records.sender_checks.pending([mail.id])
    store.close()
