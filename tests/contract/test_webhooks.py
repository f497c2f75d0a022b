"""What programs are to be told is on record with its cause, told by one caller at a time, and gone with its invoice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ingest.processing.validator import record_validation
from retention.warning import warn
from retention.worker import drill
from storage.errors import NotFound
from storage.expiring.expiry import RetentionPeriods
from storage.ids import new_id
from storage.outgoing.webhook_secrets import WebhookSecrets
from storage.records.companies import SecondLook
from storage.records.validation import Validation
from storage.records.webhooks import DeliveryState, Webhook, WebhookEvent
from storage.store import Store
from tests import making
from tests.filed_mails import Filed, file_invoice
from tests.validated import validation

LEASE = timedelta(minutes=1)
DAY = timedelta(days=1)
PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365)


def _added(store: Store, account_id: str, **changes: Any) -> Webhook:
    webhook = making.webhook(account_id, **changes)
    with store.transaction() as records:
        records.webhooks.add(webhook)
    return webhook


def _told(store: Store, webhook: Webhook) -> list[tuple[WebhookEvent, str | None]]:
    with store.reading() as records:
        return [(one.event, one.invoice_id) for one in records.webhook_deliveries.of_webhook(webhook.id, 100)]


def _tell(store: Store, filed: Filed, now: datetime) -> int:
    with store.transaction() as records:
        return records.webhook_deliveries.tell(WebhookEvent.RECEIVED, [filed.invoice_id], now)


def test_each_webhook_is_told_what_it_wants_of_its_own_company(
    store: Store, database_url: str, now: datetime
) -> None:
    """Nothing of another company, nothing it did not choose, nothing while it is disabled."""
    mine = file_invoice(database_url)
    theirs = file_invoice(database_url, name="Other", addresses=())
    wants = _added(store, mine.account_id)
    other_event = _added(store, mine.account_id, events=(WebhookEvent.DELETED,))
    of_others = _added(store, theirs.account_id)
    disabled = _added(store, mine.account_id)
    with store.transaction() as records:
        records.webhooks.disable(disabled.id, now, None)

    assert _tell(store, mine, now) == 1

    assert _told(store, wants) == [(WebhookEvent.RECEIVED, mine.invoice_id)]
    assert [_told(store, one) for one in (other_event, of_others, disabled)] == [[], [], []]


def test_what_the_company_does_not_see_yet_is_told_when_it_does(
    store: Store, database_url: str, now: datetime
) -> None:
    """And what it was told already is not told again."""
    filed, seen = file_invoice(database_url), file_invoice(database_url, name="Other", addresses=())
    webhook, other = _added(store, filed.account_id), _added(store, seen.account_id)
    with store.transaction() as records:
        invoices = [records.invoices.get(one.invoice_id) for one in (filed, seen)]
        records.second_looks.put(invoices[0], SecondLook.WITHHELD)
        records.second_looks.put(invoices[1], SecondLook.WAITING)
    before = _tell(store, filed, now), _tell(store, seen, now)

    with store.transaction() as records:
        for invoice in invoices:
            records.second_looks.put(invoice, SecondLook.RELEASED)
        records.second_looks.release_notices(invoices, now)

    assert before == (0, 1)
    assert _told(store, webhook) == [(WebhookEvent.RECEIVED, filed.invoice_id)]
    assert _told(store, other) == [(WebhookEvent.RECEIVED, seen.invoice_id)]


def test_a_result_of_validation_is_told_with_it(store: Store, database_url: str, now: datetime) -> None:
    """In one transaction; a result that is not written is not told."""
    filed = file_invoice(database_url)
    webhook = _added(store, filed.account_id)
    result: Validation = validation()

    for _ in range(2):
        with store.transaction() as records:
            record_validation(records, filed.invoice_id, filed.mail_id, result, at=now, by="worker")

    assert _told(store, webhook) == [(WebhookEvent.VALIDATED, filed.invoice_id)]


def test_what_will_be_deleted_is_told_once_and_deletion_takes_the_rest_along(
    store: Store, database_url: str, now: datetime
) -> None:
    """Whatever was to be told of a deleted invoice is gone with it, but for that it was deleted."""
    filed = file_invoice(database_url)
    webhook = _added(store, filed.account_id)
    for days in (76, 77, 78):
        warn(store, now + days * DAY, 14 * DAY, new_id, by_mail=False)
    soon = _told(store, webhook)

    drill(store, PERIODS, now + 91 * DAY)

    assert soon == [(WebhookEvent.EXPIRING, filed.invoice_id)]
    assert _told(store, webhook) == [(WebhookEvent.DELETED, filed.invoice_id)]
    with store.transaction() as records:
        [due] = records.webhook_deliveries.due(webhook.id, now, 10)
        records.webhook_deliveries.delivered(due.id, at=now + 91 * DAY, status=204, reply="HTTP 204")
        assert records.webhook_deliveries.remove_ended(now + 92 * DAY) == 1


def test_one_caller_at_a_time_has_a_webhook(store: Store, database_url: str, now: datetime) -> None:
    """So its calls come in order; one that died is followed by another when its lease is over."""
    filed = file_invoice(database_url)
    webhook = _added(store, filed.account_id)
    _added(store, filed.account_id, events=())
    _tell(store, filed, now)

    with store.transaction() as records:
        assert records.webhooks.has_due(now)
        [first] = records.webhooks.claim(by="a", now=now, lease=LEASE, limit=10)
        assert records.webhooks.claim(by="b", now=now, lease=LEASE, limit=10) == []
        [again] = records.webhooks.claim(by="b", now=now + LEASE, lease=LEASE, limit=10)
        records.webhooks.let_go(webhook.id, by="a")
        assert not records.webhooks.has_due(now + LEASE)
        records.webhooks.let_go(webhook.id, by="b")
        assert records.webhooks.has_due(now + LEASE)
    assert first.id == again.id == webhook.id


def test_a_call_that_failed_waits_and_so_does_its_webhook(
    store: Store, database_url: str, now: datetime
) -> None:
    """The count of failures in a row ends with the first call that is taken; then what waits may hurry."""
    filed = file_invoice(database_url)
    webhook = _added(store, filed.account_id)
    _tell(store, filed, now)
    with store.transaction() as records:
        [delivery] = records.webhook_deliveries.due(webhook.id, now, 10)
        records.webhook_deliveries.postpone(
            delivery.id, at=now, until=now + DAY, status=500, reply="HTTP 500"
        )
        failing = [records.webhooks.went_wrong(webhook.id, now + one * LEASE) for one in range(3)]
        records.webhooks.pause(webhook.id, now + LEASE)

    with store.transaction() as records:
        waiting = records.webhook_deliveries.due(webhook.id, now + LEASE, 10)
        records.webhook_deliveries.hurry(webhook.id, now)
        due = [records.webhooks.has_due(at) for at in (now, now + LEASE)]
        before = records.webhooks.went_well(webhook.id, now)
        [hurried] = records.webhook_deliveries.due(webhook.id, now, 10)
        well = records.webhooks.get(filed.account_id, webhook.id)
    assert [(one.failures, one.since) for one in failing] == [(1, now), (2, now), (3, now)]
    assert (waiting, due, before) == ([], [False, True], 3)
    assert (hurried.attempts, hurried.status, hurried.reply) == (1, 500, "HTTP 500")
    assert (well.failures, well.failing_since, well.paused_until, well.delivered_at) == (0, None, None, now)


def test_a_call_that_was_given_up_may_be_made_again(store: Store, database_url: str, now: datetime) -> None:
    """By hand, from its first attempt on; one that waits or was taken may not."""
    filed = file_invoice(database_url)
    webhook, other = _added(store, filed.account_id), _added(store, filed.account_id)
    _tell(store, filed, now)

    with store.transaction() as records:
        [delivery] = records.webhook_deliveries.due(webhook.id, now, 10)
        with pytest.raises(NotFound):
            records.webhook_deliveries.again(webhook, delivery.id)
        records.webhook_deliveries.fail(delivery.id, at=now, status=None, reply="no answer")
        assert records.webhook_deliveries.due(webhook.id, now + DAY, 10) == []
        with pytest.raises(NotFound):
            records.webhook_deliveries.again(other, delivery.id)
        records.webhook_deliveries.again(webhook, delivery.id)
        [again] = records.webhook_deliveries.due(webhook.id, now, 10)
    assert (again.id, again.attempts) == (delivery.id, 0)


def test_disabling_gives_up_what_waits_and_removing_takes_it_away(
    store: Store, database_url: str, now: datetime
) -> None:
    """What happened meanwhile is fetched, not told days later."""
    filed = file_invoice(database_url)
    webhook = _added(store, filed.account_id)
    _tell(store, filed, now)

    with store.transaction() as records:
        assert records.webhooks.disable(webhook.id, now, "HTTP 410")
        assert not records.webhooks.disable(webhook.id, now, "HTTP 410")
        disabled = records.webhooks.get(filed.account_id, webhook.id)
        [given_up] = records.webhook_deliveries.of_webhook(webhook.id, 10)
        records.webhooks.enable(webhook)
        assert not records.webhooks.has_due(now)
        records.webhook_deliveries.test(webhook, now)
        assert records.webhooks.has_due(now)
        records.webhooks.remove(webhook)
        assert records.webhook_deliveries.of_webhook(webhook.id, 10) == []
        assert records.webhooks.of_account(filed.account_id) == []
        with pytest.raises(NotFound):
            records.webhooks.get(filed.account_id, webhook.id)
    assert (disabled.enabled, disabled.disabled_reason) == (False, "HTTP 410")
    assert (given_up.state, given_up.reply) == (DeliveryState.FAILED, "the webhook was disabled")


def test_a_new_secret_leaves_the_former_one_good_for_a_day(
    store: Store, database_url: str, now: datetime
) -> None:
    """No call is lost while the program learns the new one; none is signed where the key was lost."""
    filed = file_invoice(database_url)
    secrets = WebhookSecrets(making.KEY)
    webhook = _added(store, filed.account_id)
    newer = new_id()
    with store.transaction() as records:
        records.webhooks.renew_secret(webhook, newer, secrets.digest(newer), now)
        changed = records.webhooks.get(filed.account_id, webhook.id)

    assert len(secrets.current(webhook, now)) == 1
    assert len(secrets.current(changed, now)) == 2
    assert secrets.current(changed, now)[1:] == secrets.current(webhook, now)
    assert secrets.current(changed, now + DAY) == secrets.current(changed, now)[:1]
    assert WebhookSecrets(b"another key").current(changed, now) == []
    assert secrets.written(newer).startswith("whsec_")


def test_a_webhook_is_its_companys_alone(store: Store, database_url: str, now: datetime) -> None:
    """Another company's id opens nothing; it may be changed, and counts anew then."""
    mine = file_invoice(database_url)
    theirs = file_invoice(database_url, name="Other", addresses=())
    webhook = _added(store, mine.account_id)
    with store.transaction() as records:
        records.webhooks.went_wrong(webhook.id, now)
        records.webhooks.change(webhook, "https://new.example/", [WebhookEvent.DELETED])

    with store.reading() as records:
        changed = records.webhooks.get(mine.account_id, webhook.id)
        with pytest.raises(NotFound):
            records.webhooks.get(theirs.account_id, webhook.id)
        assert records.webhooks.every() == [changed]
    assert (changed.url, changed.events, changed.failures) == (
        "https://new.example/",
        (WebhookEvent.DELETED,),
        0,
    )
