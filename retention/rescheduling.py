"""Decides the expiries of what is on record again, by today's settings; shown first, and on record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from storage.expiring.expiries import KeptInvoice, KeptMail
from storage.expiring.expiry import RetentionPeriods
from storage.expiring.retention_records import LedgerEntry, LedgerEvent
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Environment
from storage.store import Store

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescheduled:
    """How many expiries move, or would."""

    sooner: int = 0  # invoices
    later: int = 0
    unchanged: int = 0
    due_at_once: int = 0  # of those that come sooner: the next run deletes them
    mails: int = 0  # that move

    def __add__(self, other: Rescheduled) -> Rescheduled:
        return Rescheduled(
            sooner=self.sooner + other.sooner,
            later=self.later + other.later,
            unchanged=self.unchanged + other.unchanged,
            due_at_once=self.due_at_once + other.due_at_once,
            mails=self.mails + other.mails,
        )


def plan(store: Store, periods: RetentionPeriods, now: datetime) -> Rescheduled:
    """What reschedule() would do at `now`; writes nothing. Raises StorageUnavailable."""
    total, after = Rescheduled(), ""
    while True:
        with store.reading() as records:
            invoices = records.expiries.invoices(after, BATCH)
        if not invoices:
            break
        after = invoices[-1].id
        total += _moves(invoices, _decided(invoices, periods), now)
    after = ""
    while True:
        with store.reading() as records:
            mails = records.expiries.mails(after, BATCH)
        if not mails:
            return total
        after = mails[-1].id
        # A mail moves with its invoices, whose new expiries are not there yet: only those without are known.
        alone = [mail for mail in mails if mail.needed_until is None]
        total += Rescheduled(mails=len(_moved_mails(alone, periods)))


def reschedule(store: Store, periods: RetentionPeriods, now: datetime, actor: str) -> Rescheduled:
    """Writes expiries anew, in batches; what is due then is deleted by the next run of retention.

    Killed in the middle, some are written and the others not; a second call does the rest. Raises StorageUnavailable.
    """
    entry = LedgerEntry(
        at=now,
        event=LedgerEvent.RESCHEDULED,
        subject_id=None,
        rule=f"{actor}: productive {periods.productive_days} days, test {periods.test_days}, {periods.time_zone}",
        content_digest=None,
        keep_until=max(periods.tombstone_until(now), now + timedelta(days=1)),  # it must outlast its permit
    )
    with store.transaction() as records:
        number = records.ledger.append([entry])
    total, after = Rescheduled(), ""
    while True:
        with store.transaction() as records:
            invoices = records.expiries.invoices(after, BATCH)
            if not invoices:
                break
            after = invoices[-1].id
            decided = _decided(invoices, periods)
            moved = [invoice for invoice in invoices if decided[invoice.id] != invoice.expires_at]
            records.gate.open_for_rescheduling(number)
            records.expiries.set_invoices({invoice.id: decided[invoice.id] for invoice in moved})
            records.history.add([_event(invoice, decided[invoice.id], now, actor) for invoice in moved])
            records.gate.close()
        total += _moves(invoices, decided, now)
    after = ""
    while True:
        with store.transaction() as records:
            mails = records.expiries.mails(after, BATCH)
            if not mails:
                return total
            after = mails[-1].id
            moved_mails = _moved_mails(mails, periods)
            records.gate.open_for_rescheduling(number)
            records.expiries.set_mails(moved_mails)
            records.gate.close()
        total = replace(total, mails=total.mails + len(moved_mails))


def _decided(invoices: list[KeptInvoice], periods: RetentionPeriods) -> dict[str, datetime]:
    return {one.id: periods.expires_at(one.received_at, one.environment) for one in invoices}


def _moved_mails(mails: list[KeptMail], periods: RetentionPeriods) -> dict[str, datetime]:
    decided = {
        one.id: one.needed_until or periods.expires_at(one.received_at, Environment.PRODUCTIVE)
        for one in mails
    }
    return {one.id: decided[one.id] for one in mails if decided[one.id] != one.expires_at}


def _moves(invoices: list[KeptInvoice], decided: dict[str, datetime], now: datetime) -> Rescheduled:
    sooner = [one for one in invoices if decided[one.id] < one.expires_at]
    later = sum(decided[one.id] > one.expires_at for one in invoices)
    return Rescheduled(
        sooner=len(sooner),
        later=later,
        unchanged=len(invoices) - len(sooner) - later,
        due_at_once=sum(decided[one.id] <= now for one in sooner),
    )


def _event(invoice: KeptInvoice, until: datetime, now: datetime, actor: str) -> HistoryEvent:
    return HistoryEvent(
        at=now,
        event=HistoryEventName.RESCHEDULED,
        actor=actor,
        detail={"from": invoice.expires_at.isoformat(), "expires_at": until.isoformat()},
        mail_id=invoice.mail_id,
        invoice_id=invoice.id,
    )
