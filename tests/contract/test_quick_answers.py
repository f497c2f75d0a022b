"""What operators and monitoring ask costs the same however much is on record."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cli.status import look
from config.load import load
from ingest import lookout
from ingest.exposition import Queue
from retention import worker
from storage.expiring.expired_statements import BESIDE_INVOICE, BESIDE_MAIL, REMOVE_INVOICE, REMOVE_MAIL
from storage.store import Store
from tests import making
from tests.contract.test_retention import PERIODS
from tests.plans import asked, read_whole


@pytest.fixture
def counted(store: Store) -> Store:
    """A store whose numbers are relied on."""
    with store.transaction() as records:
        records.gate.see(making.NOW)
        records.tally.correct({}, seen=None, at=making.NOW)
    return store


def test_status_reads_no_table_whole(counted: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among ten million invoices it took 70 seconds, and it is asked when something is wrong."""
    monkeypatch.setenv("INVOICES_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("INVOICES_SMTP__LISTEN", "127.0.0.1:0")

    with asked(counted) as statements:
        look(counted, load(None), making.NOW)

    assert len(statements) > 10
    assert read_whole(counted, statements) == []


def test_metrics_read_no_table_whole(counted: Store) -> None:
    """They are asked every few seconds."""
    with asked(counted) as statements:
        list(Queue(counted, lambda: making.NOW).collect())

    assert len(statements) > 8
    assert read_whole(counted, statements) == []


def test_the_lookout_reads_no_table_whole(
    counted: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks once a minute, in every process."""
    monkeypatch.setenv("INVOICES_DATA_DIR", str(tmp_path))

    with asked(counted) as statements:
        lookout.look(load(None), counted, making.NOW)

    assert len(statements) > 3
    assert read_whole(counted, statements) == []


def test_a_worker_that_begins_or_ends_looks_through_the_queue_only(store: Store) -> None:
    """It gives back what it holds, and takes what dead ones held: on SQLite all mails were looked through for it."""
    with asked(store) as statements, store.transaction() as records:
        records.mails.claimants()
        records.mails.release(by="a")

    assert len(statements) >= 2
    assert read_whole(store, statements) == []


def test_whether_an_invoice_waits_for_validation_is_seen_at_once(store: Store) -> None:
    """It is asked whenever mail was filed: on SQLite all invoices were looked through, 2 seconds of a million."""
    with asked(store) as statements, store.transaction() as records:
        records.validations.has_waiting(making.NOW)
        records.validations.waiting_up_to(10)
        records.validations.claim(now=making.NOW, lease=timedelta(minutes=1), limit=10)

    assert read_whole(store, statements) == []


def test_a_batch_of_retention_reads_no_table_whole(store: Store) -> None:
    """What goes along with an invoice and its mail was once looked for among all mails of ours, for each mail."""
    with asked(store) as statements, store._writing() as connection:
        for statement in (*BESIDE_INVOICE, *BESIDE_MAIL, *REMOVE_INVOICE, *REMOVE_MAIL):
            connection.execute(statement, {"subject": "none"})

    assert len(statements) > 8
    assert read_whole(store, statements) == []


def test_what_is_counted_one_by_one_is_noticed(store: Store) -> None:
    """Before numbers are kept everything is counted: if this were not seen, the tests above would hold nothing."""
    with asked(store) as statements, store.reading() as records:
        records.mails.counts()
        records.invoices.counts()
        records.outbox.counts()
        records.webhook_deliveries.counts()

    assert sorted({table for table, _ in read_whole(store, statements)}) == [
        *("invoice", "outbound_mail", "received_mail", "webhook_delivery"),
    ]


def test_postgresql_looks_into_what_is_due_and_no_further(postgres_url: str) -> None:
    """How many mails would go was told by joining those that are due with all invoices: 23 seconds among a million."""
    store = Store.open(postgres_url)
    sweep = worker.sweep(PERIODS, making.NOW)
    with asked(store) as statements, store.reading() as records:
        records.would_go.counts(sweep)
        records.expired.mails_due_up_to(making.NOW, 10)
    of_mails = [(one, values) for one, values in statements if "received_mail" in one]
    with store._reading() as connection:
        plans = [
            connection.exec_driver_sql(f"EXPLAIN {one}", values).scalars().all() for one, values in of_mails
        ]
    store.close()

    assert len(of_mails) == 3
    assert [step.strip() for plan in plans for step in plan if "Join" in step] == []
