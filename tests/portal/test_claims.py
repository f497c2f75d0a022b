"""Claims on the page of a company: nothing counts before its proof, and nobody learns what is another's."""

from __future__ import annotations

import re
from typing import Any

import pytest

from storage.companies.account_keys import address_key, domain_key
from storage.decisions import operators
from storage.records.acts import ActName
from storage.records.companies import CompanyAccount
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import Role
from tests.portal.browsers import NOW, Browser, Place


def _claiming(place: Place, name: str = "Musterwerk GmbH") -> tuple[CompanyAccount, Browser, str]:
    company = place.company(name=name)
    browser, own = place.signed_in(place.user(company)), f"/companies/{company.id}/claims"
    browser.get(own)
    return company, browser, own


def _notice_of(answer: Any) -> str:
    return str(answer.headers["location"]).partition("notice=")[2]


def _letters(place: Place) -> list[OutboundMail]:
    with place.store.reading() as records:
        mails = records.outbox.select()
    return [mail for mail in mails if mail.template is MailTemplate.CLAIM]


def _company(place: Place, company: CompanyAccount) -> CompanyAccount:
    with place.store.reading() as records:
        return records.accounts.get(company.id)


def test_an_address_is_proven_by_the_code_that_goes_to_it(place_on_each: Place) -> None:
    """Before that it finds nobody; a wrong code proves nothing, and what was done is on record."""
    place = place_on_each
    company, browser, own = _claiming(place)

    made = browser.post(own, {"kind": "address", "value": "Rechnung@Musterwerk.example"})
    [letter] = _letters(place)
    key = address_key("rechnung@musterwerk.example").value
    wrong = browser.post(f"{own}/code", {"key": key, "code": "0" * 16})
    before = _company(place, company).addresses
    right = browser.post(f"{own}/code", {"key": key, "code": letter.context["claim_code"]})

    assert [_notice_of(one) for one in (made, wrong, right)] == [
        *("claim_made", "claim_code_wrong", "claim_proven")
    ]
    assert letter.recipient == "Rechnung@Musterwerk.example"
    assert "Rechnung@Musterwerk.example" not in before
    assert "Rechnung@Musterwerk.example" in _company(place, company).addresses
    with place.store.reading() as records:
        acts = [act.name for act in records.acts.of(company.id)]
    assert acts == [ActName.KEY_PROVEN, ActName.KEY_CLAIMED]
    assert "is proven, and belongs to" in browser.get(own).text


def test_a_domain_is_proven_by_its_dns(place: Place) -> None:
    """The page names the record; without it, or when the DNS is away, the claim stays open."""
    company, browser, own = _claiming(place)
    browser.post(own, {"kind": "domain", "value": "musterwerk.example"})
    shown = browser.get(own).text
    [text] = re.findall(r"invoices-proof=[0-9a-f]+", shown)

    missing = browser.post(f"{own}/dns", {"key": "musterwerk.example"})
    place.texts["_invoices-proof.musterwerk.example"] = [b"something", text.encode()]
    proven = browser.post(f"{own}/dns", {"key": "musterwerk.example"})

    assert "_invoices-proof.musterwerk.example" in shown
    assert _letters(place) == []
    assert [_notice_of(missing), _notice_of(proven)] == ["claim_dns_missing", "claim_proven"]
    assert _company(place, company).domains == ("musterwerk.example",)


def test_a_code_for_a_domain_goes_to_whoever_runs_it(place: Place) -> None:
    """Any employee has a mailbox there and must not take the domain: no other one than the offered is used."""
    company, browser, own = _claiming(place)
    browser.post(own, {"kind": "domain", "value": "musterwerk.example"})

    browser.post(f"{own}/mail", {"key": "musterwerk.example", "role": "eve.employee"})
    browser.post(f"{own}/mail", {"key": "musterwerk.example", "role": "hostmaster"})
    letters = _letters(place)
    answer = browser.post(
        f"{own}/code", {"key": "musterwerk.example", "code": letters[0].context["claim_code"]}
    )

    assert [letter.recipient for letter in letters] == [
        *("hostmaster@musterwerk.example", "postmaster@musterwerk.example")
    ]
    assert _notice_of(answer) == "claim_proven"
    assert _company(place, company).domains == ("musterwerk.example",)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("address", "nobody"),
        ("domain", "gmail.com"),
        ("domain", "co.uk"),
        ("vat-id", "12"),
        ("gln", "4000001000001"),
        ("other", "without a scheme"),
    ],
)
def test_what_cannot_be_a_companys_is_not_claimed(place: Place, kind: str, value: str) -> None:
    """The form says what is expected, and keeps what was entered."""
    company, browser, own = _claiming(place)

    answer = browser.post(own, {"kind": kind, "value": value})

    assert answer.status_code == 400
    assert f'value="{value}"' in answer.text
    with place.store.reading() as records:
        assert records.claims.of_account(company.id, NOW) == []


def test_nobody_learns_that_a_key_is_anothers_before_its_proof(place: Place) -> None:
    """Who claims a competitor's identifiers would else find out who is a customer here."""
    place.company(name="Andere GmbH", addresses=("post@andere.example",), domains=("andere.example",))
    _, browser, own = _claiming(place)

    made = browser.post(own, {"kind": "domain", "value": "andere.example"})
    shown = browser.get(own).text
    [text] = re.findall(r"invoices-proof=[0-9a-f]+", shown)
    place.texts["_invoices-proof.andere.example"] = [text.encode()]
    taken = browser.post(f"{own}/dns", {"key": "andere.example"})

    assert [_notice_of(made), _notice_of(taken)] == ["claim_made", "claim_taken"]
    assert "Andere GmbH" not in shown
    with place.store.reading() as records:
        owner = records.accounts.owners([domain_key("andere.example")])
        names = {one.name for one in records.accounts.by_ids(owner.values()).values()}
    assert names == {"Andere GmbH"}


def test_an_operator_vouches_or_refuses(place: Place) -> None:
    """For what no code proves; the company reads a refusal, and a key of somebody else's cannot be vouched for."""
    company, browser, own = _claiming(place)
    rival, of_rival, rivals = _claiming(place, "Rivale GmbH")
    user = place.user(email="olga@mailbox.example")
    with place.store.transaction() as records:
        operators.add(records, user, actor="operator root", at=NOW)
    desk = place.signed_in(user)
    browser.post(own, {"kind": "vat-id", "value": "DE 666 666 660"})
    browser.post(own, {"kind": "leitweg-id", "value": "04011000-12345-34"})
    of_rival.post(rivals, {"kind": "vat-id", "value": "DE666666660"})
    listed = desk.get("/operator/claims").text

    vouched = desk.post("/operator/claims/vouch", {"account": company.id, "key": "DE666666660"})
    other = desk.post("/operator/claims/vouch", {"account": rival.id, "key": "DE666666660"})
    refused = desk.post(
        "/operator/claims/refuse", {"account": rival.id, "key": "DE666666660", "reason": "No notice shown."}
    )
    gone = desk.post("/operator/claims/refuse", {"account": rival.id, "key": "DE666666660"})

    assert listed.count("DE666666660") >= 2
    assert "0204:04011000-12345-34" in listed
    assert [_notice_of(one) for one in (vouched, other, refused, gone)] == [
        *("claim_vouched", "claim_has_owner", "claim_refused", "decided_meanwhile")
    ]
    assert _company(place, company).vat_ids == ("DE 666 666 660",)
    assert "No notice shown." in of_rival.get(rivals).text
    assert "olga" not in of_rival.get(rivals).text


def test_members_claim_nothing_and_a_claim_can_be_taken_back(place: Place) -> None:
    """Who belongs to a company is one thing, what the company is another."""
    company, browser, own = _claiming(place)
    member = place.signed_in(place.user(company, role=Role.MEMBER))
    member.get(f"/companies/{company.id}/company")
    browser.post(own, {"kind": "gln", "value": "4012345000009"})

    refused = member.post(own, {"kind": "address", "value": "a@musterwerk.example"})
    back = browser.post(f"{own}/withdraw", {"key": "4012345000009"})
    back = back if back.status_code == 303 else browser.post(f"{own}/withdraw", {"key": "0088:4012345000009"})

    assert refused.status_code == 404
    assert _notice_of(back) == "claim_withdrawn"
    with place.store.reading() as records:
        assert records.claims.of_account(company.id, NOW) == []


def test_a_company_gives_up_what_it_is_found_by(place: Place) -> None:
    """From then on it finds nobody, and another company can prove it; that of another company cannot be given up."""
    company = place.company(name="Musterwerk GmbH", addresses=("rechnung@musterwerk.example",))
    other = place.company(name="Andere AG", addresses=("post@andere.example",))
    browser, own = place.signed_in(place.user(company)), f"/companies/{company.id}/claims"
    browser.get(own)

    wrong = browser.post(f"{own}/give-up", {"key": "post@andere.example"})
    name = browser.post(f"{own}/give-up", {"key": "Musterwerk GmbH"})
    right = browser.post(f"{own}/give-up", {"key": "rechnung@musterwerk.example"})

    assert (wrong.status_code, name.status_code, _notice_of(right)) == (404, 404, "claim_given_up")
    assert _company(place, company).addresses == ()
    assert _company(place, other).addresses == ("post@andere.example",)
    with place.store.reading() as records:
        [act] = records.acts.of(company.id)
    assert (act.name, act.detail["key"]) == (ActName.KEY_GIVEN_UP, "rechnung@musterwerk.example")
    assert "gave rechnung@musterwerk.example up" in browser.get(own).text
