"""The page of a company, and the programs that fetch its invoices."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from portal.app import create_app
from storage.records.companies import CompanyAccount
from storage.records.history import HistoryEventName
from storage.records.invoices import Invoice
from storage.records.people import Role
from storage.records.validation import Validation, ValidationClass, ValidationStatus
from tests import making
from tests.portal.browsers import NOW, Place


@pytest.fixture
def company(place: Place) -> CompanyAccount:
    """A company with an address."""
    return place.company(
        name="Musterwerk GmbH", addresses=("musterwerk@mailbox.example",), vat_ids=("DE123456788",)
    )


def _gets(place: Place, fixture: str = "xrechnung-cii") -> Invoice:
    octets = (Path("fixtures/mail") / fixture / "message.eml").read_bytes()
    envelope = making.envelope(forward_paths=("musterwerk@mailbox.example",), received_at=NOW)
    mail = making.incoming(octets, envelope=envelope)
    place.store.add_mails([mail])
    place.file_mails()
    with place.store.reading() as records:
        [invoice] = records.invoices.of_mails([mail.id])
    return invoice


def _token(place: Place, company: CompanyAccount) -> str:
    with place.store.transaction() as records:
        return records.api_tokens.issue(company.id, "ERP", at=NOW, by="erika")[1]


def _asked(place: Place, secret: str, path: str, method: str = "GET", **more: Any) -> Any:
    client = place.browser(authorization=f"Bearer {secret}").client
    return client.request(method, f"/api/v1{path}", **more)


def test_the_page_says_how_invoices_find_the_company(place: Place, company: CompanyAccount) -> None:
    """And who has sent some."""
    seller = _gets(place).reading.terms.seller.name  # type: ignore[union-attr]  # it was just read
    browser = place.signed_in(place.user(company))

    page = browser.get(f"/companies/{company.id}/company").text

    for text in ("musterwerk@mailbox.example", "DE123456788", str(seller)):
        assert text in page


def test_an_administrator_makes_and_ends_tokens(place: Place, company: CompanyAccount) -> None:
    """The secret is on one page only; ended, it opens nothing."""
    browser = place.signed_in(place.user(company))
    path = f"/companies/{company.id}"
    browser.get(f"{path}/company")

    made = browser.post(f"{path}/tokens", {"name": "ERP"})

    [secret] = re.findall(r"inv_[\w-]{43}", made.text)
    page = browser.get(f"{path}/company").text
    assert secret not in page
    assert _asked(place, secret, "/invoices").status_code == 200
    [revoke] = re.findall(rf"{path}/tokens/[\w-]+/revoke", page)
    browser.post(revoke)
    assert _asked(place, secret, "/invoices").status_code == 401
    assert browser.post(f"{path}/tokens", {"name": " "}).status_code == 400


def test_a_member_makes_no_tokens(place: Place, company: CompanyAccount) -> None:
    """It would let a program see everything after the member has left."""
    browser = place.signed_in(place.user(company, role=Role.MEMBER))
    browser.get(f"/companies/{company.id}/company")

    assert browser.post(f"/companies/{company.id}/tokens", {"name": "ERP"}).status_code == 404


def test_a_program_fetches_what_is_new_and_says_that_it_has_it(place: Place, company: CompanyAccount) -> None:
    """Asking for what is not acknowledged misses nothing and brings nothing twice."""
    invoice = _gets(place)
    secret = _token(place, company)

    listed = _asked(place, secret, "/invoices?acknowledged=false").json()
    document = _asked(place, secret, f"/invoices/{invoice.id}/document")
    original = _asked(place, secret, f"/invoices/{invoice.id}/original")
    first = _asked(place, secret, f"/invoices/{invoice.id}/acknowledge", "POST")
    again = _asked(place, secret, f"/invoices/{invoice.id}/acknowledge", "POST")

    assert [one["id"] for one in listed["invoices"]] == [invoice.id]
    assert listed["next"] is None
    assert listed["invoices"][0] == _asked(place, secret, f"/invoices/{invoice.id}").json()
    assert listed["invoices"][0]["invoice_number"] == invoice.invoice_number
    assert document.content.startswith(b"<?xml")
    assert original.content.endswith(Path("fixtures/mail/xrechnung-cii/message.eml").read_bytes())
    assert (first.status_code, again.status_code) == (204, 204)
    assert _asked(place, secret, "/invoices?acknowledged=false").json()["invoices"] == []
    with place.store.reading() as records:
        events = records.history.of_invoice(invoice.id, invoice.mail_id)
    downloaded = [one.actor for one in events if one.event is HistoryEventName.DOWNLOADED]
    assert downloaded == ["program ERP", "program ERP"]


def test_a_program_asks_for_those_with_errors(place: Place, company: CompanyAccount) -> None:
    """A program that books by itself leaves the others to people; what is not validated yet is neither."""
    invoice, other = _gets(place), _gets(place, "xrechnung-ubl")
    secret = _token(place, company)
    found = Validation(
        status=ValidationStatus.INVALID,
        class_=ValidationClass.BUSINESS_RULE_ERROR,
        findings=(),
        rule_sets=(),
    )
    with place.store.transaction() as records:
        records.validations.record(invoice.id, found, at=NOW)

    listed = {
        status: [
            one["id"] for one in _asked(place, secret, f"/invoices?validation={status}").json()["invoices"]
        ]
        for status in ("invalid", "valid")
    }

    assert listed == {"invalid": [invoice.id], "valid": []}
    assert {one["id"] for one in _asked(place, secret, "/invoices").json()["invoices"]} == {
        invoice.id,
        other.id,
    }
    assert _asked(place, secret, "/invoices?validation=wrong").status_code == 400


def test_a_program_walks_through_many(place: Place, company: CompanyAccount) -> None:
    """Page by page, each once."""
    for fixture in ("xrechnung-cii", "xrechnung-ubl", "hybrid-factur-x-en-16931"):
        _gets(place, fixture)
    secret = _token(place, company)

    first = _asked(place, secret, "/invoices?limit=2").json()
    second = _asked(place, secret, f"/invoices?limit=2&cursor={first['next']}").json()

    assert (len(first["invoices"]), len(second["invoices"]), second["next"]) == (2, 1, None)
    assert len({one["id"] for one in first["invoices"] + second["invoices"]}) == 3


@pytest.mark.parametrize("secret", ["", "inv_x", "inv_" + "a" * 43])
def test_without_a_token_there_is_nothing(place: Place, secret: str) -> None:
    """And the answer says what is missing, in JSON."""
    answer = _asked(place, secret, "/invoices")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Bearer TOKEN" in answer.json()["error"]


@pytest.mark.usefixtures("company")
def test_a_token_opens_one_company_only(place: Place) -> None:
    """Another's invoice is not there, by whichever route."""
    invoice = _gets(place)
    secret = _token(place, place.company(name="Andere GmbH"))

    assert _asked(place, secret, "/invoices").json()["invoices"] == []
    for rest, method in (("", "GET"), ("/document", "GET"), ("/original", "GET"), ("/acknowledge", "POST")):
        assert _asked(place, secret, f"/invoices/{invoice.id}{rest}", method).status_code == 404


def test_a_program_registers_where_it_wants_to_be_called(place: Place, company: CompanyAccount) -> None:
    """Its secret is in that one answer; it sees how the calls go, and ends it."""
    secret = _token(place, company)
    wanted = {"url": "https://erp.company.example", "events": ["invoice.received"]}

    made = _asked(place, secret, "/webhooks", "POST", json=wanted)
    path = f"/webhooks/{made.json()['id']}"
    tested = _asked(place, secret, f"{path}/test", "POST")
    listed = _asked(place, secret, "/webhooks").json()["webhooks"]
    one = _asked(place, secret, path).json()
    [delivery] = _asked(place, secret, f"{path}/deliveries").json()["deliveries"]
    removed = _asked(place, secret, path, "DELETE")

    assert (made.status_code, tested.status_code, removed.status_code) == (201, 204, 204)
    assert made.json()["secret"].startswith("whsec_")
    assert listed == [one]
    assert made.json() == one | {"secret": made.json()["secret"]}
    assert (delivery["event"], delivery["state"], delivery["attempts"]) == ("webhook.test", "waiting", 0)
    assert _asked(place, secret, path).status_code == 404


def test_the_interface_says_what_is_wrong_with_a_webhook(place: Place, company: CompanyAccount) -> None:
    """In a sentence, not in a code."""
    secret = _token(place, company)
    wrong = [
        {"url": "http://erp.company.example", "events": ["invoice.received"]},
        {"url": "https://erp.company.example", "events": ["invoice.paid"]},
    ]

    said = [_asked(place, secret, "/webhooks", "POST", json=one) for one in wrong]

    assert [answer.status_code for answer in said] == [400, 400]
    assert "https" in said[0].json()["error"]
    assert "invoice.validated" in said[1].json()["error"]


def test_a_webhook_ends_with_the_token_that_made_it(place: Place, company: CompanyAccount) -> None:
    """A stolen token leaves nothing behind; those of people and of other tokens stay."""
    browser = place.signed_in(place.user(company))
    browser.get(f"/companies/{company.id}/company")
    browser.post(
        f"/companies/{company.id}/webhooks", {"url": "https://mine.example", "event": "invoice.received"}
    )
    for name in ("https://stolen.example", "https://other.example"):
        wanted = {"url": name, "events": ["invoice.received"]}
        _asked(place, _token(place, company), "/webhooks", "POST", json=wanted)
    with place.store.reading() as records:
        stolen = records.api_tokens.of_account(company.id)[0]

    browser.post(f"/companies/{company.id}/tokens/{stolen.id}/revoke")

    with place.store.reading() as records:
        left = [one.url for one in records.webhooks.of_account(company.id)]
    assert left == ["https://mine.example/", "https://other.example/"]


def test_no_request_makes_the_interface_fail(place: Place, company: CompanyAccount) -> None:
    """Whatever the description allows, and much that it does not: never 5xx, and always as described."""
    _gets(place)
    app = create_app(place.portal)
    secret = _token(place, company)
    description = place.browser().get("/api/openapi.json").json()
    schema = schemathesis.openapi.from_dict(description | {"servers": [{"url": "http://portal.test"}]})
    schema.app = app
    tried = set()

    for operation in (found.ok() for found in schema.get_all_operations()):

        @settings(
            max_examples=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            answer = case.call(headers={"Authorization": f"Bearer {secret}"})
            assert answer.status_code < 500, (case.method, case.formatted_path, case.query)
            case.validate_response(
                answer,
                checks=[status_code_conformance, response_schema_conformance, content_type_conformance],
            )
            tried.add((case.operation.label, answer.status_code))

        ask()

    assert {label for label, _ in tried} == {
        f"{method.upper()} {path}" for path, methods in description["paths"].items() for method in methods
    }
