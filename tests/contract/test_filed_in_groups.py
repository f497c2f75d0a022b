"""Mails that are recorded together come out as if each were recorded by itself, at a fraction of the queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

import pytest

from ingest.processing.filing import Rules
from ingest.processing.notices import NoticeRules
from ingest.processing.recorder import Finished, Recorder
from storage.expiring.expiry import RetentionPeriods
from storage.ids import new_id
from storage.records.mails import MailState, Outcome
from storage.records.outgoing import OutboundState
from storage.records.people import Language
from storage.records.reading import MailReading, Party, ReturnedMail
from storage.store import Store
from tests import making
from tests.statements import counted_statements

WORKER = "a"
FULL = 32  # mails of a group; see AT_ONCE in processor.py
RULES = Rules(
    periods=RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365),
    link_life=timedelta(days=30),
    new_id=new_id,
    token_digest=lambda link_id: link_id.encode(),
    notices=NoticeRules(attached=False, language=Language.ENGLISH),
)


@pytest.mark.also_pooled
def test_a_group_takes_as_many_statements_as_a_few_mails(store: Store, now: datetime) -> None:
    """Over the wire to PostgreSQL each is a round trip, while all other mail of the worker waits."""
    with store.transaction() as records:
        anna = making.user()
        company = making.account(domains=("company.example",))
        records.accounts.add(company)
        records.users.add(anna)
        records.memberships.put(making.membership(company.id, anna.id))
    few, many = _claimed(store, now, 4), _claimed(store, now, FULL)

    with counted_statements(store) as of_few:
        _record(store, now, few)
    with counted_statements(store) as of_many:
        _record(store, now, many)

    with store.reading() as records:
        states = records.mails.states([one.mail_id for one in [*few, *many]])
        told = records.outbox.counts()
    assert set(states.values()) == {MailState.FILED}
    assert told == {OutboundState.QUEUED: len(few) + len(many)}
    assert len(of_many) == len(of_few)
    assert len(of_many) / FULL < 1.2


def test_a_stranger_company_is_invited_once_by_a_group(store: Store, now: datetime) -> None:
    """The second mail to it finds what the first one adds; else the group would contradict itself."""
    group = _claimed(store, now, 3, to="new@firm.example")

    with counted_statements(store) as statements:
        _record(store, now, group)

    with store.reading() as records:
        accounts, links, invoices = records.accounts.all(), records.links.all(), records.invoices.select()
        histories = [[one.event for one in records.history.of_mail(each.mail_id)] for each in group]
    assert [account.addresses for account in accounts] == [("new@firm.example",)]
    assert [link.email for link in links] == ["new@firm.example"]
    assert {invoice.account_id for invoice in invoices} == {accounts[0].id}
    assert [history.count("account-invited") for history in histories] == [1, 0, 0]
    assert [history[0] for history in histories] == ["received"] * 3
    assert [history[-1] for history in histories] == ["recorded"] * 3
    assert sum(one.startswith("INSERT INTO invoice ") for one in statements) == 1


def test_an_invoice_that_came_twice_in_a_group_is_a_duplicate(store: Store, now: datetime) -> None:
    """The mail that was received first holds the original, whichever of them was read first."""
    group = _claimed(store, now, 3, reading=making.mail_reading())

    _record(store, now, group[::-1])

    with store.reading() as records:
        first, second, third = records.invoices.of_mails(sorted(one.mail_id for one in group))
    assert first.duplicate_of is None
    assert (second.duplicate_of, third.duplicate_of) == (first.id, first.id)


def test_one_bad_mail_does_not_take_its_group_along(store: Store, now: datetime) -> None:
    """It is noted as a failure and tried again; what was read together with it is on record."""
    good, bad, other = _claimed(store, now, 3)
    bad = replace(bad, result=cast("MailReading", None))

    _record(store, now, [good, bad, other])

    with store.reading() as records:
        states = records.mails.states([good.mail_id, bad.mail_id, other.mail_id])
        failures = records.mails.get(bad.mail_id).failures
    assert states == {
        good.mail_id: MailState.FILED,
        bad.mail_id: MailState.RECEIVED,
        other.mail_id: MailState.FILED,
    }
    assert failures == 1


def test_a_mail_that_somebody_else_has_is_left_out(store: Store, now: datetime) -> None:
    """A worker that slept longer than its lease writes nothing about it, and invites nobody on its behalf."""
    lost, kept = _claimed(store, now, 2, to="new@firm.example")
    with store.transaction() as records:
        records.mails.release(by=WORKER)
        records.mails.claim(by="b", now=now, lease=timedelta(seconds=60), limit=1)
        records.mails.claim(by=WORKER, now=now, lease=timedelta(seconds=60), limit=1)

    _record(store, now, [lost, kept])

    with store.reading() as records:
        states = records.mails.states([lost.mail_id, kept.mail_id])
        histories = [[one.event for one in records.history.of_mail(one.mail_id)] for one in (lost, kept)]
    assert states == {lost.mail_id: MailState.CLAIMED, kept.mail_id: MailState.FILED}
    assert histories[0] == ["received"]
    assert "account-invited" in histories[1]


def test_a_mail_of_ours_that_comes_back_twice_in_a_group_is_noted_once(store: Store, now: datetime) -> None:
    """Two servers on its way may say the same."""
    ours = making.outbound(context={"invoices": "i-1"})
    with store.transaction() as records:
        records.outbox.add([ours])
        records.outbox.claim(by="o", now=now, lease=timedelta(seconds=60), limit=1)
        records.outbox.sent(ours, by="o", at=now, message_id="<invoices.1@host>", reply="250")
    returned = ReturnedMail(message_id="<invoices.1@host>", failed=True, status="5.1.1", diagnostic=None)
    group = _claimed(store, now, 2, reading=making.mail_reading(invoices=(), returned=returned))

    _record(store, now, group)

    with store.reading() as records:
        told = [one.event for one in records.history.of_invoice("i-1", "none")]
        outcomes = {one.outcome for one in records.mails.select()}
        state = records.outbox.get(ours.id).state
    assert told == ["notice-bounced"]
    assert outcomes == {Outcome.NO_INVOICE}
    assert state is OutboundState.BOUNCED


def _claimed(
    store: Store,
    now: datetime,
    number: int,
    *,
    to: str = "invoices@company.example",
    reading: MailReading | None = None,
) -> list[Finished]:
    """Mails that this worker holds, read; each with an invoice of its own if nothing else is said."""
    envelope = making.envelope(forward_paths=(to,))
    mails = [making.incoming(new_id().encode(), envelope=envelope) for _ in range(number)]
    store.add_mails(mails)
    with store.transaction() as records:
        records.mails.claim(by=WORKER, now=now, lease=timedelta(seconds=60), limit=number)
    return [
        Finished(mail.id, reading or _reading(place), 0.0)
        for place, mail in enumerate(sorted(mails, key=lambda mail: mail.id))
    ]


def _reading(place: int) -> MailReading:
    terms = making.terms(invoice_number=f"R-{place}", seller=Party(name=f"Supplier {place}"))
    return making.mail_reading(invoices=(making.invoice_reading(terms=terms),))


def _record(store: Store, now: datetime, group: Sequence[Finished]) -> None:
    Recorder(store, RULES, lambda: now, WORKER).record(group)
