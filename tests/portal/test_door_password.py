"""A forgotten password, and signing in: what they tell, and how often they may be tried."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal import passwords
from tests.portal.browsers import NOW, Place
from tests.portal.doors import (
    ANNA,
    ENTERED,
    PASSWORD,
    enter_code,
    plain,
    sent_mails,
    sign_in,
)


def test_a_forgotten_password_is_set_anew_by_a_code_and_every_session_ends(place: Place) -> None:
    """Whoever knew the old one is out."""
    anna = place.user(email=ANNA, password_hash=passwords.hashed("the old password"))
    elsewhere, browser = place.signed_in(anna), place.browser()
    browser.get("/password")

    browser.post("/password", {"email": ANNA})
    answer = enter_code(place, browser, password=PASSWORD)

    assert answer.headers["location"] == "/?notice=password_set"
    assert elsewhere.get("/account").headers["location"].startswith("/sign-in")
    assert sign_in(place, ANNA, PASSWORD).status_code == 303
    assert sign_in(place, ANNA, "the old password").status_code == 403


def test_asking_for_a_new_password_tells_nothing_about_an_address(place: Place) -> None:
    """The same pages for an address that nobody has, and no mail."""
    place.user(email=ANNA)
    pages = []
    for email in (ANNA, "nobody@company.example"):
        browser = place.browser()
        browser.get("/password")
        browser.post("/password", {"email": email})
        pages.append(plain(browser.get("/code").text, email))

    assert pages[0] == pages[1]
    assert [mail.recipient for mail in sent_mails(place)] == [ANNA]


def test_signing_in_gives_a_new_session_and_signing_out_ends_it(place: Place) -> None:
    """Also one that somebody had slipped into the browser before ends; a copy of the cookie is worth nothing after."""
    anna = place.user(email=ANNA, password_hash=passwords.hashed(PASSWORD))
    browser = place.browser()
    answer = sign_in(place, "Anna@Company.example", PASSWORD, browser, next="/account")
    token = browser.client.cookies["session"]
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "HttpOnly" in answer.headers["set-cookie"]

    browser.get("/account")
    browser.post("/sign-out")

    copy = place.browser()
    copy.client.cookies.set("session", token)
    assert copy.get("/account").headers["location"].startswith("/sign-in")
    with place.store.reading() as records:
        assert records.sessions.of_user(anna.id, NOW) == []


@pytest.mark.parametrize("email", [ANNA, "nobody@company.example", "unproven@company.example", "no address"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(place: Place, email: str) -> None:
    """And nobody without a proven mailbox comes in, with whatever password."""
    place.user(email=ANNA, password_hash=passwords.hashed(PASSWORD))
    place.user(email="unproven@company.example", password_hash=passwords.hashed("x" * 12), confirmed_at=None)

    answer = sign_in(place, email, "x" * 12)

    assert answer.status_code == 403
    assert "E-mail address or password is not right." in answer.text


def test_who_guesses_passwords_has_to_wait_and_others_need_not(place: Place) -> None:
    """The right password does not help any more then; after the time it does."""
    place.user(email=ANNA, password_hash=passwords.hashed(PASSWORD))
    for _ in range(10):
        assert sign_in(place, ANNA, "wrong password").status_code == 403

    answer = sign_in(place, ANNA, PASSWORD)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
    elsewhere = place.browser(**{"x-forwarded-for": "192.0.2.7"})
    elsewhere.client._transport.client = ("127.0.0.1", 50000)  # type: ignore[attr-defined]  # a proxy on this machine
    assert sign_in(place, ANNA, PASSWORD, elsewhere).status_code == 303
    place.clock[0] += timedelta(minutes=16)
    assert sign_in(place, ANNA, PASSWORD).status_code == 303


def test_so_many_codes_go_to_a_mailbox_and_no_more(place: Place) -> None:
    """Nobody's mailbox is filled by somebody who types an address again and again."""
    statuses = []
    for _ in range(7):
        browser = place.browser()
        browser.get("/register")
        statuses.append(browser.post("/register", ENTERED).status_code)

    assert statuses == [303] * 5 + [429] * 2
    assert len(sent_mails(place)) == 5
