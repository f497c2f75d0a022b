"""Administrators register webhooks, see how they do, and end them; the secret is seen once."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

import pytest

from portal.hooking import MOST_WEBHOOKS
from storage.records.acts import ActName
from storage.records.companies import CompanyAccount
from storage.records.people import Role
from storage.records.webhooks import DeliveryState, Webhook, WebhookEvent
from tests import making
from tests.portal.browsers import NOW, Browser, Place

URL = "https://erp.company.example/invoices"


@pytest.fixture
def company(place: Place) -> CompanyAccount:
    """A company."""
    return place.company(name="Musterwerk GmbH")


@pytest.fixture
def browser(place: Place, company: CompanyAccount) -> Browser:
    """Its administrator."""
    opened = place.signed_in(place.user(company))
    opened.get(f"/companies/{company.id}/webhooks")
    return opened


def _webhooks(place: Place, company: CompanyAccount) -> list[Webhook]:
    with place.store.reading() as records:
        return records.webhooks.of_account(company.id)


def _on_record(place: Place, company: CompanyAccount) -> Webhook:
    webhook = making.webhook(company.id)
    with place.store.transaction() as records:
        records.webhooks.add(webhook)
    return webhook


def test_a_webhook_is_registered_and_its_secret_is_seen_once(
    place: Place, company: CompanyAccount, browser: Browser
) -> None:
    """It is the one that calls are signed with; no page shows it again."""
    made = browser.post(
        f"/companies/{company.id}/webhooks", {"url": URL, "event": ["invoice.received", "invoice.deleted"]}
    )

    [webhook] = _webhooks(place, company)
    [secret] = re.findall(r"whsec_[\w+/=]{44}", made.text)
    pages = [browser.get(f"/companies/{company.id}/webhooks{rest}").text for rest in ("", f"/{webhook.id}")]
    assert secret == place.portal.webhook_secrets.written(webhook.secret_id)
    assert place.portal.webhook_secrets.current(webhook, NOW)
    assert (webhook.url, webhook.events) == (URL, (WebhookEvent.RECEIVED, WebhookEvent.DELETED))
    with place.store.reading() as records:
        [act] = records.acts.of(company.id)
    assert (act.name, act.detail) == (ActName.WEBHOOK_ADDED, {"address": URL})
    assert all(URL in page and secret not in page for page in pages)


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "http://erp.company.example/", "event": ["invoice.received"]},
        {"url": "erp", "event": ["invoice.received"]},
        {"url": URL},
        {"url": URL, "event": ["webhook.test"]},
        {"url": URL, "event": ["invoice.received", "invoice.paid"]},
    ],
)
def test_what_cannot_be_called_is_not_registered(
    place: Place, company: CompanyAccount, browser: Browser, fields: dict[str, str]
) -> None:
    """The form says what to do and keeps what was entered."""
    answer = browser.post(f"/companies/{company.id}/webhooks", fields)

    assert answer.status_code == 400
    assert 'class="error"' in answer.text
    assert fields["url"] in answer.text
    assert _webhooks(place, company) == []


def test_http_is_for_networks_that_the_operator_allows(place: Place, company: CompanyAccount) -> None:
    """Where one is set; whether the address lies in it is seen when it is called."""
    place.portal = replace(place.portal, webhook_networks=(ipaddress.ip_network("10.0.0.0/8"),))
    browser = place.signed_in(place.user(company))
    browser.get(f"/companies/{company.id}/webhooks")

    browser.post(
        f"/companies/{company.id}/webhooks", {"url": "http://erp.office/", "event": ["invoice.received"]}
    )

    assert [one.url for one in _webhooks(place, company)] == ["http://erp.office/"]


def test_an_administrator_sees_what_became_of_the_calls(
    place: Place, company: CompanyAccount, browser: Browser
) -> None:
    """And tries it, and has a call made again that was given up."""
    webhook = _on_record(place, company)
    path = f"/companies/{company.id}/webhooks/{webhook.id}"

    browser.post(f"{path}/test")
    with place.store.transaction() as records:
        [delivery] = records.webhook_deliveries.due(webhook.id, NOW, 10)
        records.webhook_deliveries.fail(delivery.id, at=NOW, status=500, reply="HTTP 500")
        records.webhooks.went_wrong(webhook.id, NOW)
    page = browser.get(path).text
    browser.post(f"{path}/deliveries/{delivery.id}/again")

    with place.store.reading() as records:
        [again] = records.webhook_deliveries.of_webhook(webhook.id, 10)
    assert "HTTP 500" in page
    assert "given up" in page
    assert again.state is DeliveryState.WAITING


def test_a_webhook_is_changed_disabled_enabled_and_removed(
    place: Place, company: CompanyAccount, browser: Browser
) -> None:
    """A disabled one is not tried; a new secret is another one and is seen once."""
    webhook = _on_record(place, company)
    path = f"/companies/{company.id}/webhooks/{webhook.id}"

    browser.post(path, {"url": "https://new.example", "event": ["invoice.deleted"]})
    wrong = browser.post(path, {"url": "ftp://x", "event": ["invoice.deleted"]})
    secret = browser.post(f"{path}/secret").text
    [changed] = _webhooks(place, company)
    browser.post(f"{path}/disable")
    tested = browser.post(f"{path}/test").headers["location"]
    [disabled] = _webhooks(place, company)
    shown = browser.get(path).text
    browser.post(f"{path}/enable")
    [enabled] = _webhooks(place, company)
    browser.post(f"{path}/remove")

    assert wrong.status_code == 400
    assert (changed.url, changed.events) == ("https://new.example/", (WebhookEvent.DELETED,))
    assert place.portal.webhook_secrets.written(changed.secret_id) in secret
    assert changed.secret_id != webhook.secret_id
    assert (disabled.enabled, enabled.enabled) == (False, True)
    assert "Disabled since" in shown
    assert tested.endswith("notice=webhook_disabled")
    with place.store.reading() as records:
        acts = [one.name for one in records.acts.of(company.id)]
    assert acts == [ActName.WEBHOOK_REMOVED]
    assert _webhooks(place, company) == []


def test_a_company_has_so_many_webhooks_and_no_more(
    place: Place, company: CompanyAccount, browser: Browser
) -> None:
    """Each of its invoices is told to all of them."""
    for _ in range(MOST_WEBHOOKS):
        _on_record(place, company)

    answer = browser.post(f"/companies/{company.id}/webhooks", {"url": URL, "event": ["invoice.received"]})

    assert answer.headers["location"].endswith("notice=too_many_webhooks")
    assert len(_webhooks(place, company)) == MOST_WEBHOOKS


def test_a_member_has_no_page_of_webhooks(place: Place, company: CompanyAccount) -> None:
    """What they tell leaves the company; that is for administrators to decide."""
    browser = place.signed_in(place.user(company, role=Role.MEMBER))
    page = browser.get(f"/companies/{company.id}/company").text

    assert "/webhooks" not in page
    assert browser.get(f"/companies/{company.id}/webhooks").status_code == 404
    assert (
        browser.post(
            f"/companies/{company.id}/webhooks", {"url": URL, "event": "invoice.received"}
        ).status_code
        == 404
    )
