"""Two workers on one store at the same time: every mail is filed once, and they do not trip over each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fixtures.expectation import cases
from ingest.processing import processor
from ingest.processing.filing import Rules
from ingest.processing.processor import Processor, Wiring
from ingest.processing.recorder import Finished, Recorder
from reading.sandbox import ReaderPool
from storage.expiring.expiry import RetentionPeriods
from storage.ids import new_id
from storage.records.mails import MailState
from storage.store import Store
from tests import making

pytestmark = pytest.mark.also_pooled

MAILS = 40
SAMPLE = next(case.octets for case in cases() if case.name == "xrechnung-ubl")


def test_two_workers_invite_one_address_once(store: Store) -> None:
    """All mails are for one unknown address; whoever comes second finds the account that the first one made."""
    to = making.envelope(forward_paths=("new@firm.example",))
    mails = [making.incoming(SAMPLE + b"\r\n%d" % number, envelope=to) for number in range(MAILS)]
    store.add_mails(mails)

    _work_at_once(store, workers=2)

    with store.reading() as records:
        states = set(records.mails.states([mail.id for mail in mails]).values())
        invoices = records.invoices.select()
        accounts, links = records.accounts.all(), records.links.all()
        events = [[event.event for event in records.history.of_mail(mail.id)] for mail in mails]
    assert states == {MailState.FILED}
    assert sorted(invoice.mail_id for invoice in invoices) == sorted(mail.id for mail in mails)
    assert [account.addresses for account in accounts] == [("new@firm.example",)]
    assert len(links) == 1
    assert all(told.count("recorded") == 1 for told in events)
    assert len([invoice for invoice in invoices if invoice.duplicate_of is None]) >= 1


@pytest.mark.usefixtures("tables")
def test_a_lease_is_renewed_while_a_mail_is_being_recorded(postgres_url: str) -> None:
    """The two threads of a worker once waited for each other's mails, until PostgreSQL broke one of them off."""
    store, mails = Store.open(postgres_url), [making.incoming(b"%d" % number) for number in range(2)]
    store.add_mails(mails)
    first, second = [mail.id for mail in mails]
    lease, now = timedelta(seconds=60), making.NOW
    with store.transaction() as records:
        records.mails.claim(by="a", now=now, lease=lease, limit=2)

    with store.transaction() as recording, store.transaction() as renewing:
        recording.mails.failed(first, by="a", reason="why", not_before=now)
        renewing.mails.renew([first, second], by="a", until=now + 2 * lease)
    with store.transaction() as records:
        free = records.mails.claim(by="b", now=now + lease, lease=lease, limit=2)
    store.close()

    assert free == [first]


def test_what_waits_for_a_reader_is_recorded_with_what_was_read_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that shares its machine with seven others records as large groups as one that has it for itself."""
    store.add_mails([making.incoming(SAMPLE + b"\r\n%d" % number) for number in range(MAILS)])
    groups, record = [], Recorder.record

    def noted(recorder: Recorder, group: Sequence[Finished]) -> None:
        groups.append(len(group))
        record(recorder, group)

    monkeypatch.setattr(Recorder, "record", noted)
    monkeypatch.setattr(processor, "GATHER_SECONDS", 60.0)

    _work_at_once(store, workers=1)

    assert sum(groups) == MAILS
    assert len(groups) <= 5


def test_a_mail_that_comes_alone_is_not_kept_waiting(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read after it that it could be recorded with."""
    store.add_mails([making.incoming(SAMPLE)])
    monkeypatch.setattr(processor, "GATHER_SECONDS", 600.0)

    _work_at_once(store, workers=1)

    with store.reading() as records:
        assert records.mails.counts() == {MailState.FILED: 1}


def test_mails_are_recorded_in_the_order_they_came_in(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever reader is done first: else the first invoice would be called a duplicate of the second."""
    mails = [making.incoming(SAMPLE + b"\r\n%d" % number) for number in range(4)]
    store.add_mails(mails)
    first, *others = sorted(mail.id for mail in mails)
    finished, seen, late = ReaderPool.finished, list[str](), list[tuple[str, Any]]()

    def the_first_comes_last(pool: ReaderPool, seconds: float) -> Iterator[tuple[str, Any]]:
        for mail_id, result in finished(pool, seconds):
            if mail_id == first:
                late.append((mail_id, result))
            else:
                seen.append(mail_id)
                yield mail_id, result
        if late and len(seen) == len(others):
            yield late.pop()

    monkeypatch.setattr(ReaderPool, "finished", the_first_comes_last)
    monkeypatch.setattr(processor, "GATHER_SECONDS", 60.0)

    _work_at_once(store, workers=1, readers=2)

    with store.reading() as records:
        [original] = [one for one in records.invoices.select() if one.duplicate_of is None]
    assert original.mail_id == first


def _work_at_once(store: Store, *, workers: int, readers: int = 1) -> None:
    rules = Rules(
        periods=RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365),
        link_life=timedelta(days=30),
        new_id=new_id,
        token_digest=lambda link_id: link_id.encode(),
    )
    wiring = Wiring(store=store, rules=rules, now=lambda: datetime.now(UTC), readers=readers)
    threads = [
        threading.Thread(target=Processor(wiring).run, kwargs={"until_empty": True}) for _ in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
