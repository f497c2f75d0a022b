"""Deletes what has expired, in small batches that are safe to interrupt and to repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

import structlog

from retention.clock import WrongClock, checked
from storage.database.rehearsal import Outdated
from storage.expiring.expired import DueInvoice, DueMail, Place
from storage.expiring.expiry import RetentionPeriods
from storage.expiring.retention_records import GoingKind, GoingOfCompany, LedgerEntry, LedgerEvent, Sweep
from storage.filed.tally import FOLDED_TOGETHER
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Environment
from storage.store import Store
from storage.transaction import Transaction

ACTOR = "retention"
BATCH = 200  # records in one transaction; short enough that no mail waits for it
FURTHEST = timedelta(days=7)  # between two runs, before an operator has to say that the clock is right
_FREED_TOGETHER = 2000  # mails whose places are given back at once
_DELIVERIES_KEPT = timedelta(days=30)  # calls of webhooks that wait for nothing any more
_COUNTED_AGAIN = timedelta(days=30)  # reads every record, a minute of ten million
_RELIEVED_FIRST = 100  # records, before it is known how much of SQLite's journal one takes
_RELIEVED_PAGES = 2000  # of SQLite's journal, 16 MiB: seldom, and far from where a commit finds it full
_RELIEVED_MOST = 2000  # records
_PERMIT_LASTS = timedelta(days=1)  # at least: the entry that permits a drill must outlast it

_Done = TypeVar("_Done")

_log = structlog.get_logger("invoices")


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one run deleted, or would delete."""

    productive: int = 0  # invoices
    test: int = 0  # invoices
    mails: int = 0
    invoice_tombstones: int = 0
    mail_tombstones: int = 0
    links: int = 0


class Pacing(Protocol):
    """How fast a run may go."""

    def begins(self) -> None:
        """A batch has its turn to write from now on."""

    def ended(self, size: int) -> int:
        """A batch of up to `size` records is done. May take its time; the size of the next."""


@dataclass(slots=True)
class _Progress:
    """How many records the next batch may have, how many lie in the journal since it was relieved, and may."""

    batch: int
    in_journal: int = 0
    may_lie_there: int = _RELIEVED_FIRST


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One run: its store, its clock, and whether the database has to be told that it is a drill."""

    store: Store
    periods: RetentionPeriods
    now: datetime
    progress: _Progress
    drill: int | None  # its entry in the ledger
    pace: Pacing | None

    def in_turn(self, step: Callable[[Transaction], _Done]) -> _Done:
        """What `step` does with a batch, in a turn that is as short as can be."""
        with (
            suppress(Outdated),
            self.store.brief_transaction(self.begins) as records,
            self.permitted(records),
        ):
            return step(records)
        with self.store.transaction(lazily=True) as records:
            self.begins()
            with self.permitted(records):
                return step(records)

    @contextmanager
    def permitted(self, records: Transaction) -> Iterator[None]:
        """The database lets go what is due at the run's `now` within the block."""
        if self.drill is not None:
            records.gate.open_for_drill(self.now, self.drill)
        yield
        if self.drill is not None:
            records.gate.close()

    def begins(self) -> None:
        """A batch has its turn to write from now on."""
        if self.pace is not None:
            self.pace.begins()

    @property
    def batch(self) -> int:
        return self.progress.batch

    def rest(self) -> None:
        """Between two batches: nobody waits for what is done here."""
        if self.pace is not None:
            self.store.journal.sync()
        self.progress.in_journal += self.batch
        if self.pace is not None:
            self.progress.batch = self.pace.ended(self.batch)
        if self.progress.in_journal >= self.progress.may_lie_there:
            pages = self.store.journal.relieve()
            self.progress.may_lie_there = relieved_after(self.progress.in_journal, pages)
            self.progress.in_journal = 0

    @property
    def tombstone_until(self) -> datetime:
        return self.periods.tombstone_until(self.now)


def run(
    store: Store,
    periods: RetentionPeriods,
    now: datetime,
    *,
    batch: int = BATCH,
    furthest: timedelta = FURTHEST,
    pace: Pacing | None = None,
) -> Swept:
    """Deletes everything whose time has come at `now`, by a clock that can be trusted.

    Raises WrongClock and deletes nothing when it cannot, StorageUnavailable; run it again then. `pace` is told
    of each batch, and gives the size of the next. Each batch is one transaction,
    so a run that is killed has deleted some records whole and the others not at all. The content of invoices goes
    first, a mail after the last invoice of it, tombstones and the ledger at their own end.
    """
    with store.transaction() as records:
        by = checked(now, records.gate.clock(), furthest)
        records.gate.see(by)
    return _swept(
        _Run(store=store, periods=periods, now=by, progress=_Progress(batch), drill=None, pace=pace)
    )


def drill(store: Store, periods: RetentionPeriods, now: datetime, *, batch: int = BATCH) -> Swept:
    """Does the same as if it were `now`, whatever the clocks say; that it was a drill is on record.

    Raises StorageUnavailable.
    """
    entry = LedgerEntry(
        at=now,
        event=LedgerEvent.DRILL,
        subject_id=None,
        rule="the run was told what time it is",
        content_digest=None,
        keep_until=max(periods.tombstone_until(now), now + _PERMIT_LASTS),
    )
    with store.transaction() as records:
        number = records.ledger.append([entry])
    return _swept(
        _Run(store=store, periods=periods, now=now, progress=_Progress(batch), drill=number, pace=None)
    )


def trust_clock(store: Store, periods: RetentionPeriods, now: datetime, actor: str) -> None:
    """Takes `now` for right whatever is on record, and puts that on record. Raises StorageUnavailable."""
    with store.transaction() as records:
        newest = records.gate.clock().newest
        entry = LedgerEntry(
            at=now,
            event=LedgerEvent.CLOCK_TRUSTED,
            subject_id=None,
            rule=f"{actor} says that the clock is right",
            content_digest=None,
            keep_until=periods.tombstone_until(now),
        )
        records.ledger.append([entry])
        records.gate.distrust(newest if newest is not None and newest > now else None)
        records.gate.see(now)


def would_go(store: Store, periods: RetentionPeriods, now: datetime) -> Swept:
    """How much run() would delete at `now`; writes nothing. Raises StorageUnavailable."""
    one = sweep(periods, now)
    with store.reading() as records:
        counts = records.would_go.counts(one)
        companies = records.would_go.by_company(one)
    return foretold(counts, companies)


def foretold(counts: Mapping[GoingKind, int], companies: Sequence[GoingOfCompany]) -> Swept:
    """What a run will say that it did, of what would go."""
    invoices = Counter[Environment]()
    for one in companies:  # and not of `counts`, which was asked a moment before, maybe beside a run
        invoices[one.environment] += one.number
    return Swept(
        productive=invoices[Environment.PRODUCTIVE],
        test=invoices[Environment.TEST],
        mails=counts[GoingKind.MAIL],
        invoice_tombstones=counts[GoingKind.INVOICE_TOMBSTONE],
        mail_tombstones=counts[GoingKind.MAIL_TOMBSTONE],
        links=counts[GoingKind.LINK],
    )


def check_clock(store: Store, now: datetime, furthest: timedelta = FURTHEST) -> None:
    """Raises WrongClock when run() would, StorageUnavailable."""
    with store.reading() as records:
        checked(now, records.gate.clock(), furthest)


def sweep(periods: RetentionPeriods, now: datetime) -> Sweep:
    """The instants that a run at `now` goes by."""
    return Sweep(
        now=now,
        links_ended_before=_links_ended_before(periods, now),
        without_tombstones=periods.tombstone_until(now) <= now,
    )


def relieved_after(records: int, pages: int) -> int:
    """After how many records SQLite's journal is to be relieved, when as many as `records` took `pages` of it."""
    return max(1, min(records * _RELIEVED_PAGES // max(pages, 1), records * 2, _RELIEVED_MOST))


def _swept(one: _Run) -> Swept:
    invoices = _expire_all_invoices(one)
    mails = _expire_all_mails(one)
    tombstones = (0, 0)
    while any(removed := _remove_tombstones(one)):
        tombstones = (tombstones[0] + removed[0], tombstones[1] + removed[1])
        one.rest()
    while _fold_ledger(one):
        one.rest()
    with one.store.transaction() as records:
        links = records.expired.remove_links(_links_ended_before(one.periods, one.now))
    with one.store.transaction() as records:
        records.outbox.remove_ended(_links_ended_before(one.periods, one.now))
        records.webhook_deliveries.remove_ended(one.now - _DELIVERIES_KEPT)
        records.sessions.remove_ended(one.now)
        records.codes.remove_ended(one.now)
        records.throttles.remove_ended(one.now)
    swept = Swept(
        productive=invoices[Environment.PRODUCTIVE],
        test=invoices[Environment.TEST],
        mails=mails,
        invoice_tombstones=tombstones[0],
        mail_tombstones=tombstones[1],
        links=links,
    )
    _keep_tally(one)
    one.store.settle()
    if swept != Swept():
        one.store.journal.forget()
    _log_swept(swept)
    return swept


def _log_swept(swept: Swept) -> None:
    """A retention run has ended; these are the numbers of what it deleted."""
    _log.info("swept", **asdict(swept))


def log_stopped(error: WrongClock) -> None:
    """A retention run did not begin, since the clock cannot be trusted."""
    _log.error("retention-stopped", error=str(error))


def _links_ended_before(periods: RetentionPeriods, now: datetime) -> datetime:
    return now - timedelta(days=periods.tombstone_days)


def _expire_all_invoices(one: _Run) -> Counter[Environment]:
    invoices: Counter[Environment] = Counter()
    after: Place | None = None
    while due := one.in_turn(partial(_expire_invoices, one, after)):
        invoices.update(invoice.environment for invoice in due)
        after = due[-1].place
        one.rest()
    return invoices


def _expire_all_mails(one: _Run) -> int:
    mails = unfreed = 0
    after: Place | None = None
    while due := one.in_turn(partial(_expire_mails, one, after)):
        mails += len(due)
        after = due[-1].place
        unfreed += len(due)
        if unfreed >= _FREED_TOGETHER:
            one.store.octets.free()
            unfreed = 0
        one.rest()
    one.store.octets.free()  # also what a run that was killed left
    return mails


def _expire_invoices(one: _Run, after: Place | None, records: Transaction) -> list[DueInvoice]:
    due = records.expired.invoices(one.now, one.batch, after)
    if not due:
        return []
    ids = [invoice.id for invoice in due]
    wanting = records.webhook_deliveries.wanting_deletion(ids)
    records.expired.empty_invoices(due, at=one.now, tombstone_until=one.tombstone_until)
    records.webhook_deliveries.tell_of_deletion(wanting, one.now)
    records.history.add(
        [
            _event(one.now, name, invoice.mail_id, invoice.id)
            for invoice in due
            for name in (HistoryEventName.EXPIRED, HistoryEventName.DELETED)
        ]
    )
    records.ledger.append(
        [
            LedgerEntry(
                at=one.now,
                event=LedgerEvent.INVOICE_DELETED,
                subject_id=invoice.id,
                rule=f"{invoice.environment}, due {_shown(invoice.expires_at)}",
                content_digest=invoice.content_digest,
                keep_until=one.tombstone_until,
            )
            for invoice in due
        ]
    )
    kinds = Counter(invoice.environment for invoice in due)
    records.gate.count(productive=kinds[Environment.PRODUCTIVE], test=kinds[Environment.TEST])
    return due


def _expire_mails(one: _Run, after: Place | None, records: Transaction) -> list[DueMail]:
    due = records.expired.mails(one.now, one.batch, after)
    if not due:
        return []
    records.expired.empty_mails(due, at=one.now, tombstone_until=one.tombstone_until)
    records.history.add([_event(one.now, HistoryEventName.MAIL_DELETED, mail.id, None) for mail in due])
    records.ledger.append(
        [
            LedgerEntry(
                at=one.now,
                event=LedgerEvent.MAIL_DELETED,
                subject_id=mail.id,
                rule=f"mail, due {_shown(mail.expires_at)}",
                content_digest=mail.transfer_digest,
                keep_until=one.tombstone_until,
            )
            for mail in due
        ]
    )
    records.gate.count(mails=len(due))
    return due


def _remove_tombstones(one: _Run) -> tuple[int, int]:
    return one.in_turn(lambda records: records.expired.remove_tombstones(one.now, one.batch))


def _fold_ledger(one: _Run) -> int:
    return one.in_turn(lambda records: records.ledger.fold(one.now, one.batch, one.tombstone_until))


def _keep_tally(one: _Run) -> None:
    """What is kept of how many there are becomes few rows again; now and then everything is counted.

    That is how it begins after an update, and how a number that somebody changed by hand becomes right again.
    """
    while True:
        with one.store.transaction(lazily=True) as records:
            if records.tally.fold() < FOLDED_TOGETHER:
                break
    if one.drill is not None:
        return
    with one.store.reading() as records:
        seen = records.tally.counted_at()
        if seen is not None and one.now - seen < _COUNTED_AGAIN:
            return
        differences = records.tally.differences()
    with one.store.transaction() as records:
        records.tally.correct(differences, seen=seen, at=one.now)


def _event(
    now: datetime, name: HistoryEventName, mail_id: str | None, invoice_id: str | None
) -> HistoryEvent:
    return HistoryEvent(at=now, event=name, actor=ACTOR, detail={}, mail_id=mail_id, invoice_id=invoice_id)


def _shown(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")
