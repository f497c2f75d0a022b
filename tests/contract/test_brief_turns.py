"""Retention on SQLite rehearses each batch, so that mail waits for its writing only; what it went by must hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retention.worker import Swept, run
from storage.database.rehearsal import Outdated
from storage.errors import StorageUnavailable
from storage.expiring.expiry import RetentionPeriods
from storage.records.invoices import InvoiceState
from storage.records.webhooks import WebhookEvent
from storage.store import Store
from tests import making
from tests.filed_mails import Filed, file_invoice

DAY = timedelta(days=1)
PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365)


def _nothing() -> None:
    """Nobody has to know when a turn begins, and nothing happens meanwhile."""


@dataclass
class Mailbox:
    """One whose only invoice is due."""

    file: Path
    store: Store
    invoice: Filed
    now: datetime

    def state(self) -> InvoiceState:
        with self.store.reading() as records:
            return records.invoices.get(self.invoice.invoice_id).state

    def carry_out(self, statement: str, *values: object) -> None:
        """As somebody else, at this very moment."""
        with closing(sqlite3.connect(self.file)) as other, other:
            assert other.execute(statement, values).rowcount == 1

    def hold(self) -> None:
        self.carry_out(
            "INSERT INTO legal_hold (id, kind, subject_id, reason, set_by, set_at)"
            " VALUES ('1', 'invoice', ?, 'a trial', 'somebody', '2026-01-01 00:00:00.000000')",
            self.invoice.invoice_id,
        )

    def expire(self, meanwhile: Callable[[], None] = _nothing) -> None:
        """The invoice, in a brief transaction."""
        with self.store.brief_transaction(_nothing) as records:
            [due] = records.expired.invoices(self.now, 10)
            records.expired.empty_invoices([due], at=self.now, tombstone_until=self.now + DAY)
            meanwhile()


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    """Retention has run before, so that it trusts its clock."""
    file, now = tmp_path / "invoices.db", datetime.now(UTC)
    store = Store.open(f"sqlite:///{file}")
    with store.transaction() as records:
        records.gate.see(now)
    invoice = file_invoice(f"sqlite:///{file}", at=now - 91 * DAY)
    yield Mailbox(file, store, invoice, now)
    store.close()


def test_others_write_while_a_batch_is_rehearsed(mailbox: Mailbox) -> None:
    """Mail waited for all that retention had to look up once: 2.4 ms for an invoice, where writing takes 0.4."""
    begun: list[InvoiceState] = []

    with mailbox.store.brief_transaction(lambda: begun.append(mailbox.state())) as records:
        [due] = records.expired.invoices(mailbox.now, 10)
        records.expired.empty_invoices([due], at=mailbox.now, tombstone_until=mailbox.now + DAY)
        [receipt] = mailbox.store.add_mails([making.incoming(b"meanwhile")])
        before_its_turn = list(begun)

    assert not receipt.duplicate
    assert before_its_turn == []
    assert begun == [InvoiceState.AVAILABLE]
    assert mailbox.state() is InvoiceState.DELETED


def test_nothing_is_written_when_what_it_went_by_has_changed(mailbox: Mailbox) -> None:
    """The words of an inbox are what an invoice is found by: one that came in between would stay for ever."""
    with pytest.raises(Outdated):
        mailbox.expire(
            meanwhile=lambda: mailbox.carry_out("UPDATE inbox_entry SET words = words || ' another'")
        )

    assert mailbox.state() is InvoiceState.AVAILABLE

    mailbox.expire()

    assert mailbox.state() is InvoiceState.DELETED


def test_a_run_does_again_what_is_outdated(mailbox: Mailbox) -> None:
    """A hold that is set between looking and writing holds; what is not held goes all the same, within the run."""
    other = file_invoice(
        f"sqlite:///{mailbox.file}", at=mailbox.now - 91 * DAY, name="another company", addresses=()
    )
    turns = 0

    class HeldInTheFirstTurn:
        def begins(self) -> None:
            nonlocal turns
            turns += 1
            if turns == 1:
                mailbox.hold()

        def ended(self, size: int) -> int:
            return size

    swept = run(mailbox.store, PERIODS, mailbox.now, pace=HeldInTheFirstTurn())

    assert mailbox.state() is InvoiceState.AVAILABLE
    assert (swept.productive, swept.mails) == (1, 1)
    with mailbox.store.reading() as records:
        assert records.invoices.get(other.invoice_id).state is InvoiceState.DELETED


def test_what_would_not_be_kept_for_the_turn_is_an_error(mailbox: Mailbox) -> None:
    """Written at once it would stay when the rest is outdated, or be lost."""
    with (
        pytest.raises(StorageUnavailable, match="readonly"),
        mailbox.store.brief_transaction(_nothing) as records,
    ):
        records.sessions.remove_ended(mailbox.now)

    assert run(mailbox.store, PERIODS, mailbox.now) == Swept(productive=1, mails=1)


def test_programs_are_not_told_that_what_they_never_saw_is_deleted(mailbox: Mailbox) -> None:
    """A second look may withhold an invoice for good; its deletion was told once, as it was asked for too late."""
    webhook = making.webhook(account_id=mailbox.invoice.account_id, events=(WebhookEvent.DELETED,))
    with mailbox.store.transaction() as records:
        records.webhooks.add(webhook)
    mailbox.carry_out("UPDATE inbox_entry SET second_look = 'withheld'")

    run(mailbox.store, PERIODS, mailbox.now)

    assert mailbox.state() is InvoiceState.DELETED
    with mailbox.store.reading() as records:
        assert records.webhook_deliveries.of_webhook(webhook.id, 10) == []
