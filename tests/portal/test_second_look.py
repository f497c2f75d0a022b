"""Two pairs of eyes: whom a held invoice waits for, who lets it go, who stops it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from storage.decisions import operators
from storage.records.acts import ActName
from storage.records.companies import CompanyAccount, SecondLook, WarningPolicy
from storage.records.history import HistoryEventName
from storage.records.invoices import Invoice
from storage.records.outgoing import OutboundState
from storage.records.partners import SenderWarning
from storage.records.people import MembershipState, Role, User
from tests import making
from tests.portal.browsers import NOW, Browser, Place

SAMPLE = Path("fixtures/mail/xrechnung-cii/message.eml")
WARNING = SenderWarning(
    code="bank-account-differs",
    text="Payment is asked for to DE99.",
    evidence={"account": "DE99", "known_accounts": "DE11"},
)


def _held(place: Place, policy: WarningPolicy = WarningPolicy.HOLD) -> tuple[CompanyAccount, Invoice]:
    """An invoice that its company's policy holds, with a mail about it that waits."""
    company = place.company(name="Musterwerk GmbH", addresses=("post@musterwerk.example",))
    with place.store.transaction() as records:
        records.accounts.set_warning_policy(company.id, policy)
    mail = making.incoming(
        SAMPLE.read_bytes(),
        envelope=making.envelope(forward_paths=("post@musterwerk.example",), received_at=NOW),
    )
    place.store.add_mails([mail])
    place.file_mails()
    with place.store.transaction() as records:
        [invoice] = records.invoices.of_mails([mail.id])
        records.warnings.replace([(invoice, [WARNING])], at=NOW)
        notice = making.outbound(
            account_id=company.id, invoice_id=invoice.id, mail_id=mail.id, state=OutboundState.HELD
        )
        records.outbox.add([notice])
    return company, invoice


def _browser(place: Place, user: User, company: CompanyAccount, invoice: Invoice) -> tuple[Browser, str]:
    browser, own = place.signed_in(user), f"/companies/{company.id}/invoices/{invoice.id}"
    browser.get(own)
    return browser, own


def _look(place: Place, invoice: Invoice) -> SecondLook | None:
    with place.store.reading() as records:
        return records.second_looks.of([invoice.id]).get(invoice.id)


def _done(place: Place, invoice: Invoice) -> list[tuple[str, str]]:
    """What people decided."""
    names = {
        *(HistoryEventName.APPROVED, HistoryEventName.RELEASED),
        *(HistoryEventName.REJECTED, HistoryEventName.REOPENED),
    }
    with place.store.reading() as records:
        events = records.history.of_invoice(invoice.id, invoice.mail_id)
    return [(event.event, event.actor) for event in events if event.event in names]


def _notice_of(answer: object) -> str:
    location: str = answer.headers["location"]  # type: ignore[attr-defined]  # an answer of the client
    return location.partition("notice=")[2]


def test_two_people_let_an_invoice_go(place_on_each: Place) -> None:
    """The first one alone cannot, however often; with the second one the mail about it is sent."""
    place = place_on_each
    company, invoice = _held(place)
    anna, ben = place.user(company, name="Anna"), place.user(company, role=Role.MEMBER, name="Ben")
    of_anna, own = _browser(place, anna, company, invoice)
    of_ben, _ = _browser(place, ben, company, invoice)

    first = of_anna.post(f"{own}/approve")
    again = of_anna.post(f"{own}/approve")
    between, seen_by_ben = _look(place, invoice), of_ben.get(own).text
    second = of_ben.post(f"{own}/approve")

    assert _notice_of(first) == "look_approved"
    assert _notice_of(again) == "look_meanwhile"
    assert between is SecondLook.WAITING
    assert "Anna found it right" in seen_by_ben
    assert "A second person releases it" in seen_by_ben
    assert "Payment is asked for to DE99." in seen_by_ben
    assert _notice_of(second) == "look_released"
    assert _look(place, invoice) is SecondLook.RELEASED
    assert _done(place, invoice) == [
        ("approved", f"user {anna.email}"),
        ("released", f"user {ben.email}"),
    ]
    with place.store.reading() as records:
        [mail] = records.outbox.of_invoice(invoice.id)
    assert mail.state is OutboundState.QUEUED


def test_what_somebody_said_who_has_left_does_not_count(place: Place) -> None:
    """Else one person could appoint a straw man, approve, and remove him."""
    company, invoice = _held(place)
    anna, ben = place.user(company), place.user(company)
    of_anna, own = _browser(place, anna, company, invoice)
    of_ben, _ = _browser(place, ben, company, invoice)
    of_anna.post(f"{own}/approve")
    with place.store.transaction() as records:
        known = records.memberships.get(company.id, anna.id)
        records.memberships.put(replace(known, state=MembershipState.REMOVED))

    answer = of_ben.post(f"{own}/approve")

    assert _notice_of(answer) == "look_approved"
    assert _look(place, invoice) is SecondLook.WAITING


def test_one_person_stops_an_invoice(place: Place) -> None:
    """It stays in sight, marked, with who rejected it and why; no mail goes; it can be looked at anew."""
    company, invoice = _held(place)
    anna, ben = place.user(company), place.user(company)
    of_anna, own = _browser(place, anna, company, invoice)
    of_ben, _ = _browser(place, ben, company, invoice)
    of_anna.post(f"{own}/approve")

    of_ben.post(f"{own}/reject", {"reason": "Not our bank account"})
    shown, listed = of_anna.get(own).text, of_anna.get(f"/companies/{company.id}/invoices?state=held").text
    rejected = _look(place, invoice)
    late = of_anna.post(f"{own}/approve")
    of_anna.post(f"{own}/reopen")

    assert rejected is SecondLook.REJECTED
    assert "Not our bank account" in shown
    assert ben.email in shown
    assert "rejected" in listed
    assert _notice_of(late) == "look_meanwhile"
    assert _look(place, invoice) is SecondLook.WAITING
    assert "A second person releases it" not in of_ben.get(own).text
    assert [name for name, _ in _done(place, invoice)] == ["approved", "rejected", "reopened"]
    with place.store.reading() as records:
        [mail] = records.outbox.of_invoice(invoice.id)
    assert mail.state is OutboundState.HELD


def test_the_inbox_says_what_waits(place_on_each: Place) -> None:
    """As a notice, as a filter, and as a sign on the line; nothing of it once it is released."""
    place = place_on_each
    company, invoice = _held(place)
    browser, own = _browser(place, place.user(company), company, invoice)
    inbox = f"/companies/{company.id}/invoices"

    before, held = browser.get(inbox).text, browser.get(f"{inbox}?state=held").text
    other = _browser(place, place.user(company), company, invoice)[0]
    browser.post(f"{own}/approve")
    other.post(f"{own}/approve")
    after, none = browser.get(inbox).text, browser.get(f"{inbox}?state=held").text

    assert "1 invoice waits for a second look" in before
    assert f"{inbox}/{invoice.id}" in held
    assert "to be checked" in held
    assert "waits for a second look" not in after
    assert f"{inbox}/{invoice.id}" not in none


@pytest.mark.parametrize("path", ["approve", "reject", "reopen"])
def test_an_invoice_that_nobody_holds(place: Place, path: str) -> None:
    """A button of yesterday's page changes nothing."""
    company, invoice = _held(place)
    with place.store.transaction() as records:
        records.second_looks.put(invoice, None)
    browser, own = _browser(place, place.user(company), company, invoice)

    answer = browser.post(f"{own}/{path}")

    assert _notice_of(answer) == "look_meanwhile"
    assert _look(place, invoice) is None


def test_an_operator_lets_go_what_nobody_else_can(place: Place) -> None:
    """What is withheld, and what a company of one person holds; of the invoice only sender and warnings are shown."""
    company, invoice = _held(place, WarningPolicy.QUARANTINE)
    user = place.user(company)
    operator = place.user(email="olga@mailbox.example")
    with place.store.transaction() as records:
        operators.add(records, operator, actor="operator root", at=NOW)
    desk = place.signed_in(operator)
    member, own = _browser(place, user, company, invoice)
    unseen = member.get(own).status_code

    shown = desk.get("/operator/withheld").text
    answer = desk.post("/operator/withheld/release", {"invoice": invoice.id})
    again = desk.post("/operator/withheld/release", {"invoice": invoice.id})

    assert unseen == 404
    assert "Payment is asked for to DE99." in shown
    assert str(invoice.invoice_number) not in shown
    assert [_notice_of(answer), _notice_of(again)] == ["invoice_released", "decided_meanwhile"]
    assert member.get(own).status_code == 200
    assert _done(place, invoice) == [("released", "operator olga@mailbox.example")]


def test_an_operator_leaves_to_a_company_what_it_can_do_itself(place: Place) -> None:
    """Two people are there: their invoice is no business of the operator's pages."""
    company, invoice = _held(place)
    operator = place.user(company)
    with place.store.transaction() as records:
        operators.add(records, operator, actor="operator root", at=NOW)
    desk = place.signed_in(operator)
    alone = desk.get("/operator/withheld").text
    place.user(company)

    answer = desk.post("/operator/withheld/release", {"invoice": invoice.id})

    assert "Musterwerk GmbH" in alone
    assert _notice_of(answer) == "decided_meanwhile"
    assert _look(place, invoice) is SecondLook.WAITING


def test_a_company_decides_what_warnings_do(place: Place) -> None:
    """Its administrators do, on record; a member sees what holds."""
    company = place.company()
    administrator, member = place.user(company), place.user(company, role=Role.MEMBER)
    browser, other = place.signed_in(administrator), place.signed_in(member)
    browser.get(f"/companies/{company.id}/company")
    seen = other.get(f"/companies/{company.id}/company").text

    answer = browser.post(f"/companies/{company.id}/policy", {"policy": "hold"})
    refused = other.post(f"/companies/{company.id}/policy", {"policy": "note"})

    assert _notice_of(answer) == "policy_saved"
    assert refused.status_code == 404
    assert "At present: Show them" in seen
    with place.store.reading() as records:
        policy = records.accounts.get(company.id).warning_policy
        [act] = records.acts.of(company.id)
    assert policy is WarningPolicy.HOLD
    assert (act.name, act.actor) == (ActName.POLICY_CHANGED, f"user {administrator.email}")
