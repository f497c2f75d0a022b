"""The link in the mail about an invoice: whom it lets in, and what it asks of others."""

from __future__ import annotations

from portal import passwords
from storage.records.companies import AccountStatus
from storage.records.outgoing import MailTemplate
from storage.records.people import MembershipState, Role
from tests.portal.browsers import NOW, Place
from tests.portal.doors import (
    ANNA,
    ENTERED,
    PASSWORD,
    enter_code,
    invited_link,
    people_of,
    sent_mails,
)


def test_an_invited_company_registers_by_its_link_and_has_everything_since(place_on_each: Place) -> None:
    """Its own address needs no code: the link was sent there. The first person is the administrator."""
    place = place_on_each
    link, path = invited_link(place)
    browser = place.browser()
    browser.get(path)

    answer = browser.post(path, ENTERED | {"email": "Invoices@New.example"})

    with place.store.reading() as records:
        account = records.accounts.get(link.account_id)
        redeemed = records.links.get(link.id)
    assert answer.headers["location"] == "/?notice=welcome"
    assert (account.name, account.status) == ("Muster GmbH", AccountStatus.REGISTERED)
    assert account.addresses == ("invoices@new.example",)
    assert redeemed.redeemed_at == NOW
    assert people_of(place, account.id) == [
        ("Invoices@New.example", Role.ADMINISTRATOR, MembershipState.ACTIVE)
    ]
    assert sent_mails(place) == []


def test_a_forwarded_link_asks_the_mailbox_it_was_sent_to_and_then_the_persons_own(place: Place) -> None:
    """Two codes: whoever owns the link agrees, and the person is who they say."""
    link, path = invited_link(place)
    browser = place.browser()
    browser.get(path)

    browser.post(path, ENTERED)
    first = enter_code(place, browser, link.email)
    with place.store.reading() as records:
        assert records.links.get(link.id).redeemed_at is None
    second = enter_code(place, browser)

    assert first.headers["location"] == "/code?notice=link_agreed"
    assert second.headers["location"] == "/?notice=welcome"
    assert people_of(place, link.account_id) == [(ANNA, Role.ADMINISTRATOR, MembershipState.ACTIVE)]
    [asked, _] = sent_mails(place, MailTemplate.CODE)
    assert (asked.recipient, asked.context["email"]) == (link.email, ANNA)


def test_who_is_signed_in_needs_only_the_agreement_of_the_links_mailbox(place: Place) -> None:
    """Their own mailbox is proven."""
    anna = place.user(email=ANNA)
    link, path = invited_link(place)
    browser = place.signed_in(anna)
    browser.get(path)

    browser.post(path, {"company": "Muster GmbH"})
    answer = enter_code(place, browser, link.email)

    assert answer.headers["location"] == "/?notice=welcome"
    assert people_of(place, link.account_id) == [(ANNA, Role.ADMINISTRATOR, MembershipState.ACTIVE)]


def test_a_link_does_not_sign_anybody_in_who_has_a_password(place: Place) -> None:
    """Whoever got hold of the link would else see the other companies of that person."""
    place.user(email="invoices@new.example", password_hash=passwords.hashed(PASSWORD))
    link, path = invited_link(place)
    browser = place.browser()
    browser.get(path)

    answer = browser.post(path, ENTERED | {"email": link.email})

    assert "Please sign in first" in answer.text
    assert f"/sign-in?next={path}" in answer.text
    assert "session" not in browser.client.cookies
    with place.store.reading() as records:
        assert records.links.get(link.id).redeemed_at is None


def test_a_link_does_not_let_a_company_take_the_name_of_another(place: Place) -> None:
    """The form says what to do; the link can still be used."""
    place.company(name="Muster GmbH")
    link, path = invited_link(place)
    browser = place.browser()
    browser.get(path)

    answer = browser.post(path, ENTERED | {"email": link.email})

    assert answer.status_code == 400
    assert "registered already" in answer.text
    assert (
        browser.post(path, ENTERED | {"email": link.email, "company": "Muster Nord GmbH"}).status_code == 303
    )


def test_without_a_mail_server_nobody_registers_and_links_still_work(place: Place) -> None:
    """A mailbox cannot be proven then; the page says so instead of waiting for a mail that never comes."""
    object.__setattr__(place.portal, "sends_mail", False)
    link, path = invited_link(place)
    browser = place.browser()

    assert "sends no mails yet" in browser.get("/register").text
    assert browser.post("/register", ENTERED).status_code == 400
    browser.get(path)
    assert "sends no codes" in browser.post(path, ENTERED).text
    assert browser.post(path, ENTERED | {"email": link.email}).status_code == 303
    assert sent_mails(place) == []
