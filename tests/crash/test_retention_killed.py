"""Retention killed between and inside its batches: the next run ends what it began; nothing goes early or half."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from fixtures.mailbox import Mailbox
from storage.records.invoices import Environment, InvoiceState
from storage.store import Store
from tests import making
from tests.crash.test_sigkill import DRIVER

TEST, PRODUCTIVE = 12, 5


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("point", ["retention: emptied, not committed", "retention: a batch is done"])
def test_a_killed_run_is_finished_by_the_next(tmp_path: Path, database_url: str, point: str) -> None:
    """Twelve test invoices are due, five productive ones are not."""
    _fill(database_url)
    mailbox = Mailbox(tmp_path, {"DATABASE__URL": database_url})
    at = (making.NOW + timedelta(days=31)).isoformat()

    killed = subprocess.run(
        [sys.executable, str(DRIVER), point, "--now", at], env=mailbox.environment, check=False
    )
    between = _states(database_url)
    [swept] = mailbox.run("retention", "run", "--now", at)
    after = _states(database_url)

    assert killed.returncode == -9
    assert between[Environment.PRODUCTIVE, InvoiceState.DELETED] == 0
    assert between[Environment.TEST, InvoiceState.AVAILABLE] == swept["test"] > 0
    assert after == {
        (Environment.TEST, InvoiceState.DELETED): TEST,
        (Environment.PRODUCTIVE, InvoiceState.AVAILABLE): PRODUCTIVE,
    }


def _fill(database_url: str) -> None:
    store = Store.open(database_url)
    company = making.account()
    kinds = [Environment.TEST] * TEST + [Environment.PRODUCTIVE] * PRODUCTIVE
    mails = [making.incoming(str(number).encode()) for number in range(len(kinds))]
    days = {Environment.TEST: 30, Environment.PRODUCTIVE: 90}
    store.add_mails(mails)
    with store.transaction() as records:
        records.accounts.add(company)
        for mail, kind in zip(mails, kinds, strict=True):
            expires_at = making.NOW + timedelta(days=days[kind])
            invoice = making.invoice(
                mail_id=mail.id, account_id=company.id, environment=kind, expires_at=expires_at
            )
            records.invoices.add([invoice])
    store.close()


def _states(database_url: str) -> Counter[tuple[Environment, InvoiceState]]:
    """How many invoices there are of each kind and state; each is whole, or emptied whole."""
    store = Store.open(database_url)
    with store.reading() as records:
        invoices = records.invoices.select()
        events = {one.id: records.history.of_invoice(one.id, one.mail_id) for one in invoices}
    store.close()
    for invoice in invoices:
        gone = invoice.state is InvoiceState.DELETED
        told = [event.event for event in events[invoice.id] if event.event in ("expired", "deleted")]
        assert (invoice.reading is None) is gone
        assert told == (["expired", "deleted"] if gone else [])
    return Counter((invoice.environment, invoice.state) for invoice in invoices)


@pytest.mark.usefixtures("tables")
def test_retention_killed_at_random_instants_loses_and_keeps_nothing(database_url: str) -> None:
    """A short form of `python -m tests.crash.retention_kills URL --kills 200`; each round is verified twice."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.retention_kills", database_url, "--kills", "8"],
        capture_output=True,
        text=True,
        check=False,
    )

    result = json.loads(done.stdout)
    assert result["wrong"] == []
    assert result["in_the_middle"] > 0
