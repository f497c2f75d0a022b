"""Senders are checked beside the filing, on both databases: nothing waits for the DNS, and trouble is tried again."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import QueuePool

from ingest.processing.authentication.checking import Trust
from ingest.processing.sender_checker import AGAIN_AFTER, SenderChecker, batches
from storage.blobs.place import open_place
from storage.blobs.stored_octets import StoredBlob
from storage.records.filing import Filing
from storage.records.mails import Outcome
from storage.records.senders import SenderAuthentication, SenderStatus
from storage.store import Store
from tests import making
from tests.name_server import SERVFAIL, SILENT, Zone, name_server
from tests.senders.signing import MAIL, rsa_key, signed

KEY = rsa_key(1024)
GOOD: Zone = {"TXT s1._domainkey.supplier.example": [KEY.record]}


def _filed(store: Store, *mails: bytes) -> list[str]:
    """Mails on record as the worker leaves them."""
    incoming = [making.incoming(octets, envelope=making.envelope(peer=None)) for octets in mails]
    store.add_mails(incoming)
    with store.transaction() as records:
        for mail_id in records.mails.claim(by="w", now=making.NOW, lease=timedelta(days=1), limit=50):
            filing = Filing(
                mail_id=mail_id,
                outcome=Outcome.NO_INVOICE,
                reason=None,
                message=making.message(),
                received_at=making.NOW,
                expires_at=making.NOW + timedelta(days=90),
            )
            assert records.mails.file(filing, by="w")
    return [one.id for one in incoming]


def _checked(store: Store, zone: Zone, *, after: timedelta = timedelta()) -> int:
    with name_server(zone) as (address, _):
        trust = Trust(resolvers=(address,), relays=(), authserv_ids=(), sealers=())
        checker = SenderChecker(store, trust, lambda: making.NOW + after)
        try:
            return checker.check_due()
        finally:
            checker.close()


def _found(store: Store, mail_id: str) -> SenderAuthentication | None:
    with store.reading() as records:
        return records.mails.get(mail_id).authentication


def test_the_sender_of_a_mail_on_record_is_checked_once(store: Store) -> None:
    """What came out stands beside the mail; there is nothing left to do."""
    [mail_id] = _filed(store, signed(key=KEY))
    before = _found(store, mail_id)

    first, second = _checked(store, GOOD), _checked(store, GOOD, after=timedelta(days=1))

    found = _found(store, mail_id)
    assert before is None
    assert (first, second) == (1, 0)
    assert found is not None
    assert (found.status, found.domain, found.checks) == (SenderStatus.AUTHENTICATED, "supplier.example", 1)


def test_a_dns_that_failed_is_asked_again_later_and_not_for_ever(store: Store) -> None:
    """One minute later it works; where it never works, five checks are all."""
    [mail_id] = _filed(store, signed(key=KEY))
    down: Zone = {"TXT s1._domainkey.supplier.example": SERVFAIL}

    assert _checked(store, down) == 1
    found = _found(store, mail_id)
    assert found is not None
    assert found.status is SenderStatus.TEMPERROR
    assert _checked(store, GOOD, after=timedelta(seconds=59)) == 0
    assert _checked(store, GOOD, after=timedelta(seconds=60)) == 1
    found = _found(store, mail_id)
    assert found is not None
    assert (found.status, found.checks) == (SenderStatus.AUTHENTICATED, 2)

    [other] = _filed(store, signed(MAIL + b"2", key=KEY))
    checks = [_checked(store, down, after=number * timedelta(days=1)) for number in range(8)]

    assert sum(checks) == 1 + len(AGAIN_AFTER)
    found = _found(store, other)
    assert found is not None
    assert found.status is SenderStatus.TEMPERROR


def test_a_silent_dns_holds_up_neither_filing_nor_the_other_senders(store: Store) -> None:
    """Ten mails of a domain whose server never answers, and one of another: all within a few seconds."""
    silent = [MAIL.replace(b"supplier", b"silent") + str(number).encode() for number in range(10)]
    began = time.monotonic()
    ids = _filed(store, *silent, signed(key=KEY))
    filed = time.monotonic() - began

    _checked(store, {**GOOD, "TXT _dmarc.silent.example": SILENT})

    statuses = [found.status for mail_id in ids if (found := _found(store, mail_id))]
    assert filed < 2
    assert time.monotonic() - began < 15
    assert statuses == [SenderStatus.TEMPERROR] * 10 + [SenderStatus.AUTHENTICATED]


def test_a_mail_without_its_octets_is_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention may be faster than a DNS that comes back."""
    [mail_id] = _filed(store, MAIL)

    monkeypatch.setattr("storage.blobs.octets.Octets.of", lambda *_: {})

    assert _checked(store, {}) == 1
    assert _checked(store, {}, after=timedelta(days=1)) == 0
    assert _found(store, mail_id) is None


def test_no_transaction_is_open_while_octets_come_from_elsewhere(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow object store would else keep a connection and, on PostgreSQL, hold up the removal of dead rows."""
    [mail_id] = _filed(store, signed(key=KEY))
    place = open_place(f"file://{tmp_path / 'blobs'}")
    store.octets.move(mail_id, place)
    fetched, busy = StoredBlob.fetched, []
    pool = cast("QueuePool", store._engine.pool)
    before = pool.checkedout()  # the way in keeps one

    def watched(blob: StoredBlob) -> bytes:
        busy.append(pool.checkedout() - before)
        return fetched(blob)

    monkeypatch.setattr(StoredBlob, "fetched", watched)

    assert _checked(store, GOOD) == 1
    assert busy == [0]
    found = _found(store, mail_id)
    assert found is not None
    assert found.status is SenderStatus.AUTHENTICATED


def test_large_mails_are_loaded_a_few_at_a_time() -> None:
    """So that many of them are never in memory at once; one that is too large by itself is a batch of its own."""
    mails = [making.received_mail(size=size) for size in (3, 4, 5, 20, 1)]

    sizes = [[mail.size for mail in batch] for batch in batches(mails, 10)]

    assert sizes == [[3, 4], [5], [20], [1]]


def test_few_senders_wait_a_moment_for_others(store: Store) -> None:
    """Eight nodes that look in turns would else check each mail by itself; the longest wait is half a second."""
    _filed(store, b"From: a@a.example\r\n\r\n")
    trust = Trust(resolvers=(), relays=(), authserv_ids=(), sealers=())

    gathered = []
    for seconds in (0.0, 0.4, 0.5):
        at = making.NOW + timedelta(seconds=seconds)
        checker = SenderChecker(store, trust, lambda at=at: at)  # type: ignore[misc]  # bound at once
        gathered.append(checker._have_gathered())
        checker.close()

    assert gathered == [False, False, True]
