"""Deletes what has expired, in small batches that are safe to interrupt and to repeat."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import structlog

from storage.expiry import RetentionPeriods
from storage.records import Environment, HistoryEvent, HistoryEventName
from storage.store import Store

ACTOR = "retention"
BATCH = 200  # records in one transaction; short enough that no mail waits for it

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


def run(store: Store, periods: RetentionPeriods, now: datetime, *, batch: int = BATCH) -> Swept:
    """Deletes everything whose time has come at `now`. Raises StorageUnavailable; run it again then.

    Each batch is one transaction, so a run that is killed has deleted some records whole and the others not at
    all. The content of invoices goes first, a mail after the last invoice of it, tombstones at their own end.
    """
    invoices: Counter[Environment] = Counter()
    while done := _expire_invoices(store, periods, now, batch):
        invoices.update(done)
    mails = 0
    while expired := _expire_mails(store, periods, now, batch):
        mails += expired
        store.free_octets()
    store.free_octets()  # also what a run that was killed left
    tombstones = (0, 0)
    while any(removed := _remove_tombstones(store, now, batch)):
        tombstones = (tombstones[0] + removed[0], tombstones[1] + removed[1])
    with store.transaction() as records:
        links = records.expired.remove_links(_links_ended_before(periods, now))
    swept = Swept(
        productive=invoices[Environment.PRODUCTIVE],
        test=invoices[Environment.TEST],
        mails=mails,
        invoice_tombstones=tombstones[0],
        mail_tombstones=tombstones[1],
        links=links,
    )
    _log.info("swept", **asdict(swept))
    return swept


def would_go(store: Store, periods: RetentionPeriods, now: datetime) -> Swept:
    """What run() would delete at `now`; writes nothing. Raises StorageUnavailable."""
    with store.reading() as records:
        invoices = records.expired.count_invoices(now)
        tombstones = records.expired.count_tombstones(now)
        return Swept(
            productive=invoices.get(Environment.PRODUCTIVE, 0),
            test=invoices.get(Environment.TEST, 0),
            mails=records.expired.count_mails(now),
            invoice_tombstones=tombstones[0],
            mail_tombstones=tombstones[1],
            links=records.expired.count_links(_links_ended_before(periods, now)),
        )


def _links_ended_before(periods: RetentionPeriods, now: datetime) -> datetime:
    return now - timedelta(days=periods.tombstone_days)


def _expire_invoices(store: Store, periods: RetentionPeriods, now: datetime, batch: int) -> list[Environment]:
    with store.transaction() as records:
        due = records.expired.invoices(now, batch)
        records.expired.empty_invoices(
            [invoice.id for invoice in due], at=now, tombstone_until=periods.tombstone_until(now)
        )
        records.history.add(
            [
                HistoryEvent(
                    at=now, event=name, actor=ACTOR, detail={}, mail_id=invoice.mail_id, invoice_id=invoice.id
                )
                for invoice in due
                for name in (HistoryEventName.EXPIRED, HistoryEventName.DELETED)
            ]
        )
    return [invoice.environment for invoice in due]


def _expire_mails(store: Store, periods: RetentionPeriods, now: datetime, batch: int) -> int:
    with store.transaction() as records:
        due = records.expired.mails(now, batch)
        records.expired.empty_mails(due, at=now, tombstone_until=periods.tombstone_until(now))
        records.history.add(
            [
                HistoryEvent(
                    at=now,
                    event=HistoryEventName.MAIL_DELETED,
                    actor=ACTOR,
                    detail={},
                    mail_id=mail_id,
                    invoice_id=None,
                )
                for mail_id in due
            ]
        )
    return len(due)


def _remove_tombstones(store: Store, now: datetime, batch: int) -> tuple[int, int]:
    with store.transaction() as records:
        return records.expired.remove_tombstones(now, batch)
