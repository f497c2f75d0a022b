"""Tells companies by mail, and their programs, once a day at most, which productive invoices will be deleted soon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from storage.expiring.expired import ExpiringInvoices
from storage.records.outgoing import MailTemplate, OutboundMail, OutboundState
from storage.store import Store
from storage.transaction import Transaction

_A_DAY = timedelta(hours=20)  # runs come every hour, not to the minute


def warn(
    store: Store, now: datetime, ahead: timedelta, new_id: Callable[[], str], *, by_mail: bool = True
) -> int:
    """Puts a mail into the outbox for each member who wants mails; their number. Raises StorageUnavailable.

    Each invoice is in one mail, when its expiry comes within `ahead`; those that are held are left out. Programs that
    want to know are told, too.
    """
    until = now + ahead
    with store.transaction() as records:
        warned_until = records.gate.warned_until()
        if warned_until is not None and until < warned_until + _A_DAY:
            return 0
        after = max(now, warned_until or now)
        told = records.webhook_deliveries.tell_of_expiring(after, until, now)
        if not by_mail and not told:
            return 0
        expiring = records.expired.expiring(after, until) if by_mail else []
        mails = [mail for one in expiring for mail in _mails(records, one, now, new_id)]
        records.outbox.add(mails)
        records.gate.warn_until(until)
    return len(mails)


def _mails(
    records: Transaction, one: ExpiringInvoices, now: datetime, new_id: Callable[[], str]
) -> list[OutboundMail]:
    members = records.memberships.active([one.account_id])
    users = records.users.by_ids(member.user_id for member in members if member.notify)
    held = records.outbox.held_subjects([one.account_id])
    state = OutboundState.HELD if held else OutboundState.QUEUED
    return [
        OutboundMail(
            id=new_id(),
            template=MailTemplate.EXPIRING,
            language=user.language,
            recipient=user.email,
            context={
                "expiring": str(one.number),
                "from": one.first.date().isoformat(),
                "until": one.last.date().isoformat(),
            },
            created_at=now,
            account_id=one.account_id,
            state=state,
        )
        for user in users.values()
        if user.confirmed_at is not None
    ]
