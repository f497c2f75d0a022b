"""A mail that kills, hangs or bloats its reader costs itself the filing, and no other mail anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from ingest.processing import processor, recorder
from ingest.processing.filing import Rules
from ingest.processing.processor import Processor, Wiring
from reading import sandbox
from reading.sandbox import Limits, ReaderPool, ReadingFailed
from storage.expiring.expiry import RetentionPeriods
from storage.ids import new_id
from storage.records.mails import MailState, Outcome
from storage.store import Store
from tests import making

ROOT = Path(__file__).parents[2]
DEATHS = [b"die", b"exit", b"eat", b"raise", b"hang"]
HONEST = b"Subject: honest\r\n\r\nhello\r\n"


@pytest.fixture(autouse=True)
def _bad_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "READER", "tests.crash.bad_reader")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(recorder, "RETRY_AFTER", timedelta(milliseconds=1))


@pytest.fixture
def pool() -> Iterator[ReaderPool]:
    """One reader that may take thirty seconds, as on a machine with much else to do."""
    with ReaderPool(1, Limits(memory_octets=512 * 1024**2)) as opened:
        yield opened


def _read(pool: ReaderPool, octets: bytes) -> object:
    failed = pool.start("mail", octets)
    if failed is not None:
        return failed
    while True:
        for _, result in pool.finished(0.1):
            return result


@pytest.mark.parametrize("word", DEATHS)
def test_a_reader_that_fails_is_replaced(pool: ReaderPool, word: bytes) -> None:
    """The next mail is read by a fresh one."""
    patient = pool._limits
    pool._limits = replace(patient, seconds=2 if word == b"hang" else 30)

    failed = _read(pool, word)
    pool._limits = patient
    honest = _read(pool, HONEST)

    assert isinstance(failed, ReadingFailed)
    assert ("longer than 2 s" if word == b"hang" else "died") in failed.reason
    assert getattr(honest, "message", None) is not None


def test_a_mail_spoils_no_other_that_was_read_with_it() -> None:
    """Nobody knows which of them it was, so each is read again by itself; the honest ones are what they are."""
    with ReaderPool(1) as pool:
        failed = pool.start_together([("first", HONEST), ("deadly", b"die"), ("last", HONEST)])
        found = {}
        while pool.busy:
            found.update(pool.finished(0.1))

    assert failed is None
    assert isinstance(found.pop("deadly"), ReadingFailed)
    assert {mail_id: getattr(one, "message", None) is not None for mail_id, one in found.items()} == {
        "first": True,
        "last": True,
    }


def test_a_reader_serves_only_so_many_mails(pool: ReaderPool) -> None:
    """Whatever the libraries leak goes with the process."""
    pool._limits = Limits(mails_per_process=2)

    processes = []
    for _ in range(4):
        _read(pool, HONEST)
        processes.append(pool._readers[0]._process.pid)

    assert len(set(processes)) == 2


def test_readers_end_when_their_parent_closes(pool: ReaderPool) -> None:
    """No process is left behind, also not one that hangs."""
    pool.start("mail", b"hang")
    process = pool._readers[0]._process

    pool.close()

    assert process.poll() is not None


def test_deadly_mails_are_quarantined_after_three_tries_and_honest_ones_are_filed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason on record, and the octets kept."""
    monkeypatch.setattr(processor, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(sandbox, "TOGETHER_SECONDS", 0.5)
    deadly = [making.incoming(word) for word in (b"die", b"hang")]
    honest = [making.incoming(HONEST + bytes([number])) for number in range(20)]
    store.add_mails([*deadly, *honest])
    rules = Rules(
        periods=RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365),
        link_life=timedelta(days=30),
        new_id=new_id,
        token_digest=lambda link_id: link_id.encode(),
    )

    limits = Limits(seconds=3, memory_octets=512 * 1024**2)
    wiring = Wiring(store=store, rules=rules, now=_later, readers=2, limits=limits)

    for _ in range(3):
        Processor(wiring).run(until_empty=True)

    with store.reading() as records:
        bad = [records.mails.get(mail.id) for mail in deadly]
        good = [records.mails.get(mail.id) for mail in honest]
        events = [event.event for event in records.history.of_mail(deadly[0].id)]
        assert [records.mails.octets(mail.id) for mail in deadly] == [b"die", b"hang"]
    assert {mail.outcome for mail in good} == {Outcome.NO_INVOICE}
    assert {mail.state for mail in bad} == {MailState.QUARANTINED}
    assert "died" in (bad[0].reason or "")
    assert "longer than 3 s (3 times)" in (bad[1].reason or "")
    assert events == ["received", "reading-failed", "reading-failed", "quarantined"]


_CLOCK = count(1)


def _later() -> datetime:
    """A clock that runs fast, so that what failed is soon due again."""
    return making.NOW + timedelta(seconds=next(_CLOCK))
