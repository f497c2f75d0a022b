"""Registering oneself: who founds a company, who waits for it, who joins at once."""

from __future__ import annotations

import threading

from portal import passwords
from storage.records.companies import AccountStatus
from storage.records.outgoing import MailTemplate
from storage.records.people import Language, MembershipState, Role
from tests.portal.browsers import NOW, Browser, Place
from tests.portal.doors import (
    ANNA,
    ENTERED,
    PASSWORD,
    account_named,
    code_for,
    enter_code,
    invited_link,
    people_of,
    plain,
    register,
    sent_mails,
)


def test_who_registers_an_unknown_company_is_its_administrator(place_on_each: Place) -> None:
    """Active once the mailbox is proven, and signed in; before that there is neither a person nor a company."""
    place = place_on_each
    browser = place.browser()
    browser.get("/register")
    browser.post("/register", ENTERED)
    with place.store.reading() as records:
        assert records.users.by_email(ANNA) is None
        assert records.accounts.by_name("Muster GmbH") is None

    answer = enter_code(place, browser)

    assert answer.headers["location"] == "/?notice=welcome"
    account_id = account_named(place, "MUSTER Gesellschaft mit beschränkter Haftung")
    assert people_of(place, account_id) == [(ANNA, Role.ADMINISTRATOR, MembershipState.ACTIVE)]
    assert browser.get("/account").status_code == 200


def test_who_registers_a_known_company_waits_for_its_administrator(place_on_each: Place) -> None:
    """The administrator is told by mail; meanwhile nothing is to be seen."""
    place = place_on_each
    company = place.company(name="Muster GmbH")
    place.user(company, email="chef@company.example", language=Language.GERMAN)
    browser = place.browser()

    answer = register(place, browser, company="muster g.m.b.h.")

    [told] = sent_mails(place, MailTemplate.JOIN_REQUEST)
    assert answer.headers["location"] == "/waiting"
    assert (told.recipient, told.language) == ("chef@company.example", Language.GERMAN)
    assert told.context == {"person": "Anna Muster", "email": ANNA}
    assert people_of(place, company.id)[1:] == [(ANNA, Role.MEMBER, MembershipState.WAITING)]
    assert "Muster GmbH" in browser.get("/waiting").text
    assert browser.get("/").headers["location"] == "/waiting"


def test_of_several_who_found_one_company_at_once_one_does_and_the_others_wait(place_on_each: Place) -> None:
    """Each has proven a mailbox and nobody is lost; there is no twin."""
    place = place_on_each
    browsers = [place.browser() for _ in range(6)]
    emails = [f"p{number}@company.example" for number in range(6)]
    for browser, email in zip(browsers, emails, strict=True):
        browser.get("/register")
        browser.post("/register", ENTERED | {"email": email})
        browser.get("/code")
    codes = [code_for(place, email) for email in emails]
    places: list[str] = []
    gate = threading.Barrier(6)

    def prove(browser: Browser, code: str) -> None:
        gate.wait()
        places.append(browser.post("/code", {"code": code}).headers.get("location", "none"))

    threads = [
        threading.Thread(target=prove, args=(browser, code))
        for browser, code in zip(browsers, codes, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(places) == ["/?notice=welcome"] + ["/waiting"] * 5
    roles = [role for _, role, _ in people_of(place, account_named(place, "Muster GmbH"))]
    assert sorted(roles) == [Role.ADMINISTRATOR] + [Role.MEMBER] * 5
    with place.store.reading() as records:
        assert len(records.accounts.all()) == 1


def test_people_of_a_domain_that_the_company_named_join_at_once(place: Place) -> None:
    """Those of another domain wait; so does somebody who was removed before."""
    company = place.company(name="Muster GmbH")
    chef = place.user(company)
    with place.store.transaction() as records:
        records.memberships.add_joining_domain(company.id, "company.example", at=NOW, by=chef.id)

    register(place)
    register(place, email="eve@other.example")
    with place.store.transaction() as records:
        anna = records.users.by_email(ANNA)
        assert anna is not None
        records.memberships.decide(
            company.id, anna.id, state=MembershipState.REMOVED, at=NOW, by=chef.id, reason=None
        )
    browser = place.signed_in(anna)
    browser.get("/join")
    browser.post("/join", {"company": "Muster GmbH"})

    assert people_of(place, company.id)[1:] == [
        (ANNA, Role.MEMBER, MembershipState.WAITING),
        ("eve@other.example", Role.MEMBER, MembershipState.WAITING),
    ]


def test_a_company_that_was_invited_at_the_proven_mailbox_is_founded_with_its_invoices(place: Place) -> None:
    """The code proves the same as the link; the link opens nothing any more."""
    link, path = invited_link(place, email=ANNA)

    register(place)

    with place.store.reading() as records:
        account = records.accounts.get(link.account_id)
    assert (account.name, account.status) == ("Muster GmbH", AccountStatus.REGISTERED)
    assert place.browser().get(path).status_code == 404


def test_registering_claims_no_address_and_no_identifier_of_anybody(place: Place) -> None:
    """An account that was invited at another mailbox stays as it is, and the new company has no key but its name."""
    link, _ = invited_link(place, email="invoices@company.example")

    register(place)

    with place.store.reading() as records:
        invited = records.accounts.get(link.account_id)
        founded = records.accounts.get(account_named(place, "Muster GmbH"))
    assert invited.status is AccountStatus.INVITED
    assert (founded.addresses, founded.domains, founded.vat_ids) == ((), (), ())


def test_an_address_that_is_registered_sees_the_same_page_and_is_told_by_mail(place: Place) -> None:
    """Nobody finds out at the door who has an account; the code that is never right looks like any other."""
    place.user(email=ANNA, password_hash=passwords.hashed(PASSWORD))
    known, unknown = place.browser(), place.browser()

    answers = []
    for browser, email in ((known, ANNA), (unknown, "new@company.example")):
        browser.get("/register")
        first = browser.post("/register", ENTERED | {"email": email})
        page = browser.get("/code").text
        wrong = browser.post("/code", {"code": "00000000"})
        answers.append((first.status_code, first.headers["location"], wrong.status_code, plain(page, email)))

    assert answers[0] == answers[1]
    assert [mail.template for mail in sent_mails(place)] == [MailTemplate.KNOWN_ADDRESS, MailTemplate.CODE]
