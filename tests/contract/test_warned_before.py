"""Companies are told by mail before their invoices are deleted: each invoice once, and nobody more than once a day."""

from __future__ import annotations

from datetime import datetime, timedelta

from retention.warning import warn
from storage.ids import new_id
from storage.records.invoices import Environment
from storage.records.outgoing import OutboundMail, OutboundState
from storage.store import Store
from tests import making
from tests.filed_mails import Filed, file_invoice

DAY = timedelta(days=1)
AHEAD = 14 * DAY


def _with_member(store: Store, database_url: str, *, notify: bool = True) -> Filed:
    """An invoice of a company with one member; it expires 90 days from now."""
    filed = file_invoice(database_url)
    person = making.user()
    with store.transaction() as records:
        records.users.add(person)
        records.memberships.put(making.membership(filed.account_id, person.id, notify=notify))
    return filed


def _queued(store: Store) -> list[OutboundMail]:
    with store.reading() as records:
        return records.outbox.select()


def test_members_are_told_once_before(store: Store, database_url: str, now: datetime) -> None:
    """By how many and when; runs of the same day, and of the days after, say nothing more."""
    filed = _with_member(store, database_url)
    file_invoice(database_url, name="Nobody there", addresses=())

    long_before = warn(store, now, AHEAD, new_id)
    in_time = warn(store, now + 76 * DAY, AHEAD, new_id)
    again = [warn(store, now + hours * timedelta(hours=1), AHEAD, new_id) for hours in (1825, 1850, 2000)]

    [mail] = _queued(store)
    assert (long_before, in_time, again) == (0, 1, [0, 0, 0])
    assert (mail.template, mail.account_id, mail.state) == (
        "expiring",
        filed.account_id,
        OutboundState.QUEUED,
    )
    assert mail.context == {"expiring": "1", "from": "2027-02-22", "until": "2027-02-22"}


def test_who_wants_no_mails_gets_none_and_test_invoices_go_without(
    store: Store, database_url: str, now: datetime
) -> None:
    """What is held is not announced, either."""
    _with_member(store, database_url, notify=False)
    file_invoice(database_url, name="Other", addresses=(), environment=Environment.TEST)

    assert warn(store, now + 80 * DAY, AHEAD, new_id) == 0
    assert _queued(store) == []


def test_a_company_whose_mails_are_held_gets_it_later(store: Store, database_url: str, now: datetime) -> None:
    """An operator holds mails while a company is being connected."""
    filed = _with_member(store, database_url)
    with store.transaction() as records:
        records.outbox.hold(filed.account_id, at=now, by="operator")

    warn(store, now + 80 * DAY, AHEAD, new_id)

    assert [mail.state for mail in _queued(store)] == [OutboundState.HELD]
