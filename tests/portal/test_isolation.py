"""No company sees anything of another: every route there is, tried with the other's ids. A new route is tried, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from portal.app import ROUTERS, create_app
from storage.decisions import operators
from storage.records.companies import CompanyAccount
from storage.records.invoices import Invoice
from storage.records.people import MembershipState
from tests import making
from tests.portal.browsers import NOW, Browser, Place

FORMS = {"action": "done", "ids": "{invoice_id}", "done": "true", "note": "mine", "name": "mine", "back": ""}


def _routes() -> Iterator[tuple[str, str]]:
    """(method, path) of everything that answers."""
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(route.methods):
                yield method, route.path


@pytest.fixture
def theirs(place: Place) -> tuple[CompanyAccount, Invoice]:
    """Another company with an invoice."""
    company = place.company(name="Andere GmbH", addresses=("andere@mailbox.example",))
    octets = Path("fixtures/mail/xrechnung-cii/message.eml").read_bytes()
    mail = making.incoming(
        octets, envelope=making.envelope(forward_paths=("andere@mailbox.example",), received_at=NOW)
    )
    place.store.add_mails([mail])
    place.file_mails()
    with place.store.reading() as records:
        [invoice] = records.invoices.of_mails([mail.id])
    return company, invoice


def _tried(browser: Browser, method: str, path: str, ids: dict[str, str]) -> tuple[int, str, str]:
    address = path.format_map(ids)
    if method == "POST":
        fields = {name: value.format_map(ids) for name, value in FORMS.items()}
        answer = browser.post(address, fields)
    else:
        answer = browser.client.request(method, address)
    return answer.status_code, answer.text, answer.headers.get("location", "")


def test_no_route_shows_or_changes_anything_of_another_company(
    place: Place, theirs: tuple[CompanyAccount, Invoice]
) -> None:
    """Neither below the other company's id nor with its invoice below one's own: 404, as if it were not there."""
    company, invoice = theirs
    assert invoice.reading is not None
    mine = place.company(name="Meine GmbH")
    me = place.user(mine)
    with place.store.transaction() as records:
        _, secret = records.api_tokens.issue(mine.id, "ERP", at=NOW, by=me.id)
        webhook = making.webhook(company.id)
        records.webhooks.add(webhook)
        records.webhook_deliveries.test(webhook, NOW)
        [delivery] = records.webhook_deliveries.of_webhook(webhook.id, 1)
    of_theirs = {
        "account_id": company.id,
        "invoice_id": invoice.id,
        "sha256": invoice.reading.document.sha256,
        "token_id": "01900000-0000-7000-8000-000000000000",
        "user_id": place.user(company).id,
        "session_id": "01900000-0000-7000-8000-000000000000",
        "domain": "andere.example",
        "token": "x" * 43,
        "mail_id": invoice.mail_id,
        "webhook_id": webhook.id,
        "delivery_id": delivery.id,
        "partner_id": "01900000-0000-7000-8000-000000000000",
    }
    tried = 0

    for method, path in _routes():
        for ids in (of_theirs, of_theirs | {"account_id": mine.id}):
            # A fresh person each time: some pages sign out, one leaves the company.
            browser = place.signed_in(place.user(mine), authorization=f"Bearer {secret}")
            browser.get("/companies/none")
            status, text, location = _tried(browser, method, path, ids)
            tried += 1

            named = "{invoice_id}" in path or "{webhook_id}" in path
            of_another = named or (ids is of_theirs and "{account_id}" in path)
            if of_another or path.startswith("/operator"):
                assert status == 404, f"{method} {path}: {status} {location}"
            assert "Andere GmbH" not in text, f"{method} {path}"
            assert str(invoice.invoice_number) not in text, f"{method} {path}"

    with place.store.reading() as records:
        assert records.webhooks.of_account(company.id) == [webhook]
        assert records.webhook_deliveries.of_webhook(webhook.id, 10) == [delivery]
        inbox = records.inbox(company.id)
        assert inbox.handling(invoice.id).done_at is None
        assert inbox.handling(invoice.id).note is None
        assert inbox.last_seen(invoice.id, me.id) is None
    assert tried > 20


def test_there_are_no_routes_but_those_of_the_routers(place: Place) -> None:
    """Else the tests here would miss some."""
    routes = create_app(place.portal).routes

    assert len(routes) == len(ROUTERS) + 1
    assert [route.name for route in routes if isinstance(route, Mount)] == ["static"]


def test_no_form_is_taken_without_the_secret_of_its_page(place: Place) -> None:
    """Not one: a page of somebody else would act in the name of who is signed in, an operator's as well."""
    user = place.user(place.company())
    with place.store.transaction() as records:
        operators.add(records, user, actor="operator root", at=NOW)
    browser = place.signed_in(user)
    tried = [path for method, path in _routes() if method == "POST" and not path.startswith("/api/")]

    for path in tried:
        answer = browser.post(re.sub(r"{\w+}", "x", path), {"csrf": ""})
        assert answer.status_code == 403, path
    assert len(tried) > 30


def test_no_page_of_a_company_is_for_strangers(place: Place, theirs: tuple[CompanyAccount, Invoice]) -> None:
    """Who is not signed in is sent to the sign-in page, or told nothing."""
    company, invoice = theirs
    browser = place.browser()
    browser.get("/")
    ids = {"account_id": company.id, "invoice_id": invoice.id}

    for method, path in _routes():
        if not path.startswith(("/companies", "/invoices")):
            continue
        known = (
            dict.fromkeys(
                ("sha256", "token_id", "user_id", "domain", "session_id", "webhook_id", "delivery_id"),
                "0" * 64,
            )
            | ids
        )
        status, text, location = _tried(browser, method, path, known)

        assert status == 303, f"{method} {path}: {status}"
        assert location.startswith("/sign-in")
        assert str(invoice.invoice_number) not in text


def test_a_member_who_was_removed_sees_nothing_any_more(
    place: Place, theirs: tuple[CompanyAccount, Invoice]
) -> None:
    """From the next page on, although the browser is still signed in."""
    company, invoice = theirs
    user = place.user(company)
    browser = place.signed_in(user)
    path = f"/companies/{company.id}/invoices/{invoice.id}"
    before = browser.get(path).status_code
    with place.store.transaction() as records:
        member = records.memberships.get(company.id, user.id)
        records.memberships.put(replace(member, state=MembershipState.WAITING))

    assert before == 200
    assert browser.get(path).status_code == 404
