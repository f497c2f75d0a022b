"""Whatever is on record and however the work of retention is cut: never early, never late, always the same."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.worker import drill, sweep, would_go
from storage.expiring.expiry import RetentionPeriods
from storage.expiring.retention_records import GoingKind, HoldKind, LegalHold
from storage.ids import new_id
from storage.records.companies import CompanyAccount
from storage.records.filing import Filing
from storage.records.invoices import Environment, InvoiceState
from storage.records.mails import MailState, Outcome
from storage.store import Store
from tests import making

PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=20)
HOUR = timedelta(hours=1)


class Mail(NamedTuple):
    """What came in: hours after the beginning, and the kinds of its invoices; none: a mail without an invoice."""

    hour: int
    kinds: tuple[Environment, ...]
    held: bool


class Way(NamedTuple):
    """How the work is cut."""

    batch: int
    workers: int
    newest_first: bool  # in which order the mails were put on record


MAILS = st.lists(
    st.builds(
        Mail,
        hour=st.integers(0, 24 * 40),
        kinds=st.lists(st.sampled_from(Environment), max_size=3).map(tuple),
        held=st.integers(0, 9).map(lambda chance: chance == 0),
    ),
    min_size=1,
    max_size=8,
)
RUNS = st.lists(st.integers(0, 24 * 160), min_size=1, max_size=4).map(sorted)
WAYS = st.builds(Way, batch=st.integers(1, 7), workers=st.integers(1, 3), newest_first=st.booleans())
States = list[tuple[int, int, str, str, bool]]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database to copy; making one takes longer than all that a test does with it."""
    file = tmp_path_factory.mktemp("empty") / "invoices.db"
    store = Store.open(f"sqlite:///{file}")
    store.journal.forget()
    store.close()
    return file


@contextmanager
def _copy(empty: Path) -> Iterator[Store]:
    with TemporaryDirectory() as folder:
        shutil.copy(empty, folder)
        store = Store.open(f"sqlite:///{folder}/{empty.name}")
        try:
            yield store
        finally:
            store.close()


def _fill(store: Store, mails: list[Mail], way: Way) -> dict[str, int]:
    """Puts them on record; the number of each by its id."""
    company = making.account()
    with store.transaction() as records:
        records.accounts.add(company)
    numbered = list(enumerate(mails))
    ids = {}
    for number, mail in reversed(numbered) if way.newest_first else numbered:
        ids[_put(store, company, number, mail)] = number
    return ids


def _put(store: Store, company: CompanyAccount, number: int, mail: Mail) -> str:
    at = making.NOW + mail.hour * HOUR
    incoming = making.incoming(b"%d" % number, envelope=making.envelope(received_at=at))
    invoices = tuple(
        making.invoice(
            mail_id=incoming.id,
            account_id=company.id,
            position=position,
            environment=kind,
            received_at=at,
            expires_at=PERIODS.expires_at(at, kind),
        )
        for position, kind in enumerate(mail.kinds)
    )
    productive = PERIODS.expires_at(at, Environment.PRODUCTIVE)
    filing = Filing(
        mail_id=incoming.id,
        outcome=Outcome.RECORDED if invoices else Outcome.NO_INVOICE,
        reason=None,
        message=making.message(),
        received_at=at,
        expires_at=max((one.expires_at for one in invoices), default=productive),
        invoices=invoices,
    )
    hold = LegalHold(
        id=new_id(), kind=HoldKind.MAIL, subject_id=incoming.id, reason="held", set_by="operator", set_at=at
    )
    store.add_mails([incoming])
    with store.transaction() as records:
        records.mails.claim(by="a", now=at, lease=HOUR, limit=1)
        assert records.mails.file(filing, by="a")
        if mail.held:
            records.holds.set(hold)
    return incoming.id


def _run(store: Store, hour: int, way: Way) -> None:
    """Some workers at once."""
    failures: list[Exception] = []

    def work() -> None:
        try:
            drill(store, PERIODS, making.NOW + hour * HOUR, batch=way.batch)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(way.workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def _states(store: Store, ids: dict[str, int]) -> States:
    """Mails and invoices that are there: number, place, state, kind, and whether there is content."""
    with store.reading() as records:
        mails = records.mails.by_ids(ids)
        invoices = records.invoices.of_mails(list(ids))
        states = [
            (ids[one.id], -1, str(one.state), "mail", one.message is not None) for one in mails.values()
        ]
    states += [
        (ids[one.mail_id], one.position, str(one.state), str(one.environment), one.reading is not None)
        for one in invoices
    ]
    return sorted(states)


@settings(max_examples=25, deadline=None)
@given(mails=MAILS, runs=RUNS, way=WAYS)
def test_never_early_and_never_later_than_the_next_run(
    empty: Path, mails: list[Mail], runs: list[int], way: Way
) -> None:
    """After each run exactly that is whole which is not due, or held."""
    with _copy(empty) as store:
        ids = _fill(store, mails, way)
        for hour in runs:
            _run(store, hour, way)

            now = making.NOW + hour * HOUR
            there = {
                (number, place): (state, whole) for number, place, state, _, whole in _states(store, ids)
            }
            for number, mail in enumerate(mails):
                at = making.NOW + mail.hour * HOUR
                expiries = [PERIODS.expires_at(at, kind) for kind in mail.kinds]
                for place, expires_at in enumerate(expiries):
                    due = expires_at <= now and not mail.held
                    state, whole = there.get((number, place), (InvoiceState.DELETED, False))
                    assert (state == InvoiceState.DELETED, whole) == (due, not due)
                last = max(expiries, default=PERIODS.expires_at(at, Environment.PRODUCTIVE))
                due = last <= now and not mail.held
                state, whole = there.get((number, -1), (MailState.DELETED, False))
                assert (state == MailState.DELETED, whole) == (due, not due)


@settings(max_examples=15, deadline=None)
@given(mails=MAILS, runs=RUNS, one=WAYS, another=WAYS)
def test_the_same_whatever_the_batches_the_order_and_the_workers(
    empty: Path, mails: list[Mail], runs: list[int], one: Way, another: Way
) -> None:
    """Tombstones, too."""
    results = []
    for way in (one, another):
        with _copy(empty) as store:
            ids = _fill(store, mails, way)
            for hour in runs:
                _run(store, hour, way)
            results.append(_states(store, ids))

    assert results[0] == results[1]


@settings(max_examples=25, deadline=None)
@given(mails=MAILS, runs=RUNS, way=WAYS, tombstone_days=st.sampled_from([0, 20]))
def test_a_run_takes_away_exactly_what_a_dry_run_names(
    empty: Path, mails: list[Mail], runs: list[int], way: Way, tombstone_days: int
) -> None:
    """Whoever looks first must be able to rely on it: each id, tombstones and what is held included."""
    periods = replace(PERIODS, tombstone_days=tombstone_days)
    with _copy(empty) as store:
        ids = _fill(store, mails, way)
        for hour in runs:
            now = making.NOW + hour * HOUR
            before = _by_kind(store, ids)

            with store.reading() as records:
                named = Counter((one.kind, one.id) for one in records.would_go.each(sweep(periods, now)))
            foretold = would_go(store, periods, now)
            swept = drill(store, periods, now, batch=way.batch)

            assert set(named) == before - _by_kind(store, ids)
            assert max(named.values(), default=1) == 1
            assert foretold == swept


def _by_kind(store: Store, ids: dict[str, int]) -> set[tuple[GoingKind, str]]:
    """What is there to be taken away: of an invoice its content, and what will be its tombstone."""
    found: set[tuple[GoingKind, str]] = set()
    with store.reading() as records:
        for mail in records.mails.by_ids(ids).values():
            found.add((GoingKind.MAIL_TOMBSTONE, mail.id))
            if mail.state is not MailState.DELETED:
                found.add((GoingKind.MAIL, mail.id))
        for invoice in records.invoices.of_mails(list(ids)):
            found.add((GoingKind.INVOICE_TOMBSTONE, invoice.id))
            if invoice.state is not InvoiceState.DELETED:
                found.add((GoingKind.INVOICE, invoice.id))
    return found
