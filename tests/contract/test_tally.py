"""Numbers that are kept and not counted are right, whatever happens to mails and invoices."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import create_engine, text

from retention.worker import drill, run
from storage.filed import tally
from storage.records.invoices import Environment, InvoiceState
from storage.records.mails import MailState, Outcome
from storage.records.outgoing import OutboundState
from storage.records.webhooks import DeliveryState
from storage.store import Store
from tests import making
from tests.contract.test_retention import DAY, PERIODS, _filed

PRODUCTIVE, TEST = Environment.PRODUCTIVE, Environment.TEST
AVAILABLE, DELETED = InvoiceState.AVAILABLE, InvoiceState.DELETED


def _counted(store: Store, now: datetime) -> None:
    """From now on the kept numbers are relied on."""
    with store.transaction() as records:
        records.gate.see(now)
        seen = records.tally.counted_at()
        assert records.tally.correct(records.tally.differences(), seen=seen, at=now)


def _kept_wrongly(store: Store) -> dict[str, int]:
    with store.reading() as records:
        return records.tally.differences()


def _counts(store: Store) -> tuple[dict[MailState, int], dict[tuple[InvoiceState, Environment], int]]:
    with store.reading() as records:
        return records.mails.counts(), records.invoices.counts()


def test_the_numbers_follow_mails_and_invoices_from_filing_to_the_end_of_their_tombstones(
    store: Store, now: datetime
) -> None:
    """Also through quarantine and out of it; `invoices status` tells them, and cannot count ten million each time."""
    _counted(store, now)
    _filed(store, PRODUCTIVE, PRODUCTIVE, TEST)
    _filed(store, TEST)
    _filed(store, outcome=Outcome.NO_INVOICE)
    quarantined, _ = _filed(store, outcome=Outcome.QUARANTINED)
    discarded, _ = _filed(store, outcome=Outcome.QUARANTINED)
    again, _ = _filed(store, outcome=Outcome.QUARANTINED)
    with store.transaction() as records:
        records.mails.discard(discarded, reason="not for us")
        records.mails.requeue(again)

    filed = _counts(store)
    wrong = [_kept_wrongly(store)]
    drill(store, PERIODS, now + 31 * DAY)
    tests_deleted = _counts(store)
    wrong.append(_kept_wrongly(store))
    drill(store, PERIODS, now + 91 * DAY)
    all_deleted = _counts(store)
    wrong.append(_kept_wrongly(store))
    drill(store, PERIODS, now + 91 * DAY + 366 * DAY)
    gone = _counts(store)
    wrong.append(_kept_wrongly(store))

    assert wrong == [{}] * 4
    assert filed == (
        {MailState.RECEIVED: 1, MailState.FILED: 4, MailState.QUARANTINED: 1},
        {(AVAILABLE, PRODUCTIVE): 2, (AVAILABLE, TEST): 2},
    )
    assert tests_deleted == (
        {MailState.RECEIVED: 1, MailState.FILED: 3, MailState.QUARANTINED: 1, MailState.DELETED: 1},
        {(AVAILABLE, PRODUCTIVE): 2, (DELETED, TEST): 2},
    )
    assert all_deleted == (
        {MailState.RECEIVED: 1, MailState.DELETED: 5},
        {(DELETED, PRODUCTIVE): 2, (DELETED, TEST): 2},
    )
    assert gone == ({MailState.RECEIVED: 1}, {})
    assert quarantined


def test_a_run_of_retention_counts_what_was_there_before_numbers_were_kept(
    store: Store, database_url: str
) -> None:
    """After an update nothing is kept of what is on record: until that run everything is counted at each question."""
    _filed(store, PRODUCTIVE, TEST)
    _filed(store, outcome=Outcome.QUARANTINED)
    _empty(database_url)
    before = _counts(store)

    run(store, PERIODS, datetime.now(UTC))

    assert before == _counts(store)
    assert before == (
        {MailState.FILED: 1, MailState.QUARANTINED: 1},
        {(AVAILABLE, PRODUCTIVE): 1, (AVAILABLE, TEST): 1},
    )
    assert _kept_wrongly(store) == {}


def test_a_number_that_was_changed_by_hand_is_right_again_after_a_month(
    store: Store, database_url: str
) -> None:
    """Nobody has to know how to mend it."""
    now = datetime.now(UTC)
    _filed(store, PRODUCTIVE)
    run(store, PERIODS, now)
    _empty(database_url)

    run(store, PERIODS, now)
    by_the_next_run = _kept_wrongly(store)
    with store.transaction() as records:
        records.tally.correct({}, seen=records.tally.counted_at(), at=now - 31 * DAY)
    run(store, PERIODS, now)

    assert by_the_next_run == {"mail filed": 1, "invoice available productive": 1}
    assert _kept_wrongly(store) == {}


def test_of_two_that_count_at_the_same_time_one_corrects(store: Store, now: datetime) -> None:
    """Two runs on two nodes would else both add what is missing."""
    _filed(store, PRODUCTIVE)
    with store.transaction() as records:
        records.gate.see(now)

    corrected = []
    for _ in range(2):
        with store.transaction() as records:
            corrected.append(records.tally.correct({"mail filed": 1}, seen=None, at=now))

    assert corrected == [True, False]


def test_what_was_told_by_many_transactions_becomes_a_row_a_kind(store: Store, database_url: str) -> None:
    """Else a busy mailbox would count the rows of its tally instead of its mails."""
    for _ in range(5):
        with store.transaction() as records:
            records.tally.add({tally.mails(MailState.FILED): 2, tally.mails(MailState.DELETED): 1})
    with store.transaction() as records:
        records.tally.add({tally.mails(MailState.DELETED): -5})

    with store.transaction() as records:
        folded = records.tally.fold()

    engine = create_engine(database_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT kind, number FROM tally")).all()
    engine.dispose()
    assert folded == 11
    assert [tuple(row) for row in rows] == [("mail filed", 10)]


def test_what_was_sent_is_counted_as_it_goes_along_with_its_invoice(store: Store, now: datetime) -> None:
    """A mail of ours is deleted with what it tells of, in whichever state it is; so is a call of a webhook."""
    _counted(store, now)
    mail_id, [invoice_id] = _filed(store, PRODUCTIVE)
    mails = [
        making.outbound(mail_id=mail_id, invoice_id=invoice_id, recipient=f"{number}@company.example")
        for number in range(4)
    ]
    with store.transaction() as records:
        records.outbox.add(mails)
        claimed = records.outbox.claim(by="a", now=now, lease=DAY, limit=3)
        records.outbox.sent(claimed[0], by="a", at=now, message_id="<1@here>", reply="250")
        records.outbox.sent(claimed[1], by="a", at=now, message_id="<2@here>", reply="250")
        records.outbox.bounced("<2@here>", "550")
        records.outbox.fail(claimed[2].id, by="a", reply="550")

    with store.reading() as records:
        before = records.outbox.counts()
    drill(store, PERIODS, now + 91 * DAY)
    with store.reading() as records:
        after = records.outbox.counts()

    states = (OutboundState.QUEUED, OutboundState.SENT, OutboundState.BOUNCED, OutboundState.FAILED)
    assert before == dict.fromkeys(states, 1)
    assert after == {}
    assert _kept_wrongly(store) == {}


def test_calls_of_webhooks_are_counted_as_they_end(store: Store, now: datetime) -> None:
    """Delivered, given up, tried again, and removed after a month."""
    _counted(store, now)
    with store.transaction() as records:
        company = making.account()
        webhook = making.webhook(company.id)
        records.accounts.add(company)
        records.webhooks.add(webhook)
        for _ in range(3):
            records.webhook_deliveries.test(webhook, now)
        first, second, _ = records.webhook_deliveries.of_webhook(webhook.id, 3)
        records.webhook_deliveries.delivered(first.id, at=now, status=200, reply="OK")
        records.webhook_deliveries.fail(second.id, at=now, status=500, reply="no")

    with store.transaction() as records:
        ended = records.webhook_deliveries.counts()
        records.webhook_deliveries.again(webhook, second.id)
        again = records.webhook_deliveries.counts()
        records.webhook_deliveries.remove_ended(now + DAY)
        removed = records.webhook_deliveries.counts()

    assert ended == {DeliveryState.WAITING: 1, DeliveryState.DELIVERED: 1, DeliveryState.FAILED: 1}
    assert again == {DeliveryState.WAITING: 2, DeliveryState.DELIVERED: 1}
    assert removed == {DeliveryState.WAITING: 2}
    assert _kept_wrongly(store) == {}


def _empty(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM tally"))
    engine.dispose()
