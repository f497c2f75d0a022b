"""Retention deletes what has expired, all of it, and nothing before; on both engines."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import create_engine, select, text

from retention.worker import Swept, drill, would_go
from storage.errors import NotFound
from storage.expiring.expiry import RetentionPeriods
from storage.people.throttles import Limit
from storage.records.filing import Filing
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Environment, InvoiceState
from storage.records.mails import MailState, Outcome
from storage.records.outgoing import OutboundState
from storage.records.people import CodePurpose
from storage.store import Store
from tests import making

PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


def _filed(
    store: Store, *environments: Environment, outcome: Outcome = Outcome.RECORDED
) -> tuple[str, list[str]]:
    """A mail with an invoice of each environment; its id and theirs."""
    company = making.account(addresses=(), name=f"company {making.new_id()}")
    mail = making.incoming(making.new_id().encode())
    invoices = tuple(
        making.invoice(
            mail_id=mail.id,
            account_id=company.id,
            position=position,
            environment=environment,
            expires_at=PERIODS.expires_at(making.NOW, environment),
        )
        for position, environment in enumerate(environments)
    )
    filing = Filing(
        mail_id=mail.id,
        outcome=outcome,
        reason=None,
        message=making.message(),
        received_at=making.NOW,
        expires_at=max((one.expires_at for one in invoices), default=making.NOW + 90 * DAY),
        new_accounts=(company,),
        invoices=invoices,
        events=tuple(
            HistoryEvent(
                at=making.NOW,
                event=HistoryEventName.RECORDED,
                actor="worker",
                detail={},
                mail_id=mail.id,
                invoice_id=invoice.id,
            )
            for invoice in invoices
        ),
    )
    store.add_mails([mail])
    with store.transaction() as records:
        records.mails.claim(by="a", now=making.NOW, lease=DAY, limit=1)
        assert records.mails.file(filing, by="a")
    return mail.id, [one.id for one in invoices]


@pytest.mark.parametrize(("environment", "days"), [(Environment.PRODUCTIVE, 90), (Environment.TEST, 30)])
def test_an_invoice_goes_when_its_time_has_come_and_not_an_instant_before(
    store: Store, now: datetime, environment: Environment, days: int
) -> None:
    """Its content goes; id, account, number, environment and dates stay as a tombstone."""
    _, [invoice_id] = _filed(store, environment)
    with store.reading() as records:
        before = records.invoices.get(invoice_id)

    assert drill(store, PERIODS, now + days * DAY - INSTANT) == Swept()
    swept = drill(store, PERIODS, now + days * DAY)

    with store.reading() as records:
        after = records.invoices.get(invoice_id)
        events = [event.event for event in records.history.of_invoice(invoice_id, before.mail_id)]
    assert (swept.productive + swept.test, swept.mails) == (1, 1)
    assert before.state is InvoiceState.AVAILABLE
    assert (after.state, after.reading, after.same_invoice) == (InvoiceState.DELETED, None, None)
    assert (after.invoice_number, after.account_id, after.environment) == (
        before.invoice_number,
        before.account_id,
        before.environment,
    )
    assert events[-3:] == ["expired", "deleted", "mail-deleted"]


def test_a_mail_stays_as_long_as_one_of_its_invoices_needs_it(store: Store, now: datetime) -> None:
    """A test invoice and a productive one came in one mail."""
    mail_id, [test_id, productive_id] = _filed(store, Environment.TEST, Environment.PRODUCTIVE)

    drill(store, PERIODS, now + 31 * DAY)

    with store.reading() as records:
        assert records.invoices.get(test_id).state is InvoiceState.DELETED
        assert records.invoices.get(productive_id).state is InvoiceState.AVAILABLE
        assert records.mails.octets(mail_id)
    drill(store, PERIODS, now + 91 * DAY)
    with store.reading() as records:
        assert records.mails.get(mail_id).state is MailState.DELETED
        with pytest.raises(NotFound):
            records.mails.octets(mail_id)


@pytest.mark.parametrize("outcome", [Outcome.NO_INVOICE, Outcome.QUARANTINED])
def test_mails_without_an_invoice_have_an_end_too(store: Store, now: datetime, outcome: Outcome) -> None:
    """Also what nobody took out of quarantine."""
    mail_id, _ = _filed(store, outcome=outcome)

    assert drill(store, PERIODS, now + 90 * DAY - INSTANT).mails == 0
    assert drill(store, PERIODS, now + 90 * DAY).mails == 1

    with store.reading() as records:
        mail = records.mails.get(mail_id)
    assert (mail.state, mail.message, mail.message_id) == (MailState.DELETED, None, None)
    assert (mail.envelope.reverse_path, mail.envelope.forward_paths) == ("", ())


def test_a_mail_in_the_queue_never_expires(store: Store, now: datetime) -> None:
    """Whatever kept it from being filed, it was answered 250."""
    mail = making.incoming()
    store.add_mails([mail])

    drill(store, PERIODS, now + 1000 * DAY)

    with store.reading() as records:
        assert records.mails.octets(mail.id) == mail.octets


def test_tombstone_and_history_go_a_year_after_the_deletion(store: Store, now: datetime) -> None:
    """Then nothing of the invoice is left."""
    mail_id, [invoice_id] = _filed(store, Environment.TEST)
    drill(store, PERIODS, now + 30 * DAY)

    assert drill(store, PERIODS, now + 395 * DAY - INSTANT).invoice_tombstones == 0
    swept = drill(store, PERIODS, now + 395 * DAY)

    with store.reading() as records:
        assert (swept.invoice_tombstones, swept.mail_tombstones) == (1, 1)
        assert records.history.of_mail(mail_id) == []
        with pytest.raises(NotFound):
            records.invoices.get(invoice_id)
        with pytest.raises(NotFound):
            records.mails.get(mail_id)


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_every_batch_size_deletes_the_same_and_a_second_run_nothing(
    store: Store, now: datetime, batch: int
) -> None:
    """What a dry run says is what goes."""
    for number in range(5):
        _filed(store, Environment.TEST if number % 2 else Environment.PRODUCTIVE)
    at = now + 91 * DAY

    foretold = would_go(store, PERIODS, at)
    swept = drill(store, PERIODS, at, batch=batch)

    assert foretold == swept == Swept(productive=3, test=2, mails=5)
    assert drill(store, PERIODS, at) == Swept()


def test_after_deletion_no_column_holds_anything_of_the_content(
    store: Store, database_url: str, now: datetime
) -> None:
    """Every text of the mail and its document is gone from every table."""
    _filed(store, Environment.PRODUCTIVE)
    words = ["Supplier", "DE123456788", "billing@", "invoices@company.example", "invoice.xml", "<1@supplier"]

    assert _found_in(database_url, words) == set(words)
    drill(store, PERIODS, now + 91 * DAY)

    assert _found_in(database_url, words) == set()


def _found_in(database_url: str, words: list[str]) -> set[str]:
    engine = create_engine(database_url)
    tables = ["received_mail", "mail_octets", "invoice", "history_event", "registration_link"]
    with engine.connect() as connection:
        rows = [
            str(tuple(row))
            for table in tables
            for row in connection.execute(select(text("*")).select_from(text(table)))
        ]
    engine.dispose()
    return {word for word in words if any(word in row for row in rows)}


def test_old_links_go(store: Store, now: datetime) -> None:
    """A year after a link ended, its address is forgotten."""
    company = making.account()
    with store.transaction() as records:
        records.accounts.add(company)
        records.links.add([making.link(company.id)])

    assert drill(store, PERIODS, now + 395 * DAY - INSTANT).links == 0
    assert drill(store, PERIODS, now + 395 * DAY).links == 1


def test_what_the_doors_leave_behind_goes(store: Store, now: datetime) -> None:
    """Sessions, codes and counted tries that are over; mails of ours a year after they were made."""
    anna = making.user()
    mail = making.outbound()
    with store.transaction() as records:
        records.users.add(anna)
        token = records.sessions.begin(anna.id, now)
        flow = records.codes.begin(anna.email, CodePurpose.RESET, {}, now).flow
        records.throttles.allows("door", "peer", Limit(1, DAY), now)
        records.outbox.add([mail])
        records.outbox.claim(by="a", now=now, lease=DAY, limit=1)
        records.outbox.fail(mail.id, by="a", reply="550")

    drill(store, PERIODS, now)
    with store.reading() as records:
        assert records.sessions.live(token, now) is not None
        assert records.codes.find(flow, now) is not None
    drill(store, PERIODS, now + 365 * DAY - INSTANT)
    with store.reading() as records:
        assert records.outbox.get(mail.id) == replace(
            mail, attempts=1, state=OutboundState.FAILED, not_before=now, last_reply="550"
        )
        assert records.sessions.live(token, now) is None
        assert records.codes.find(flow, now) is None
        assert not records.throttles.spent("door", "peer", Limit(1, DAY), now)
    drill(store, PERIODS, now + 365 * DAY)
    with store.reading() as records, pytest.raises(NotFound):
        records.outbox.get(mail.id)


def test_several_workers_share_the_work(store: Store, now: datetime) -> None:
    """Each invoice is deleted once, by one of them; nobody waits for anybody but at the end of the ledger."""
    for _ in range(30):
        _filed(store, Environment.TEST)
    swept: list[Swept] = []
    failures: list[Exception] = []

    def work() -> None:
        try:
            swept.append(drill(store, PERIODS, now + 31 * DAY, batch=4))
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    with store.reading() as records:
        told = [one.entry for one in records.ledger.entries()]
        counted = records.gate.counted()
    assert failures == []
    assert (sum(one.test for one in swept), sum(one.mails for one in swept)) == (30, 30)
    assert counted == {"productive": 0, "test": 30, "mails": 30}
    assert len({(one.event, one.subject_id) for one in told if one.subject_id}) == 60
    assert len(told) == 60 + 3, "each deletion once, and the three drills"


def test_drills_without_any_tombstones_leave_nothing_but_their_traces(store: Store, now: datetime) -> None:
    """With `tombstone_days = 0`, a drill must not fold the entry that permits it; the ledger stays small."""
    periods = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=0)
    for _ in range(5):
        _filed(store, Environment.TEST)

    swept = [drill(store, periods, now + days * DAY, batch=2) for days in (31, 33, 35, 37)]

    with store.reading() as records:
        entries = [one.entry.event for one in records.ledger.entries()]
    assert (swept[0].test, swept[0].invoice_tombstones, swept[0].mail_tombstones) == (5, 5, 5)
    assert set(entries) <= {"drill", "folded"}
    assert len(entries) < 10
