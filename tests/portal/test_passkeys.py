"""A passkey signs its owner in, and nobody else; whatever a browser sends instead opens nothing."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from portal import passwords
from storage.records.acts import ActName
from storage.records.people import User
from tests.portal.browsers import Browser, Place
from tests.portal.key_in_software import KeyInSoftware

PASSWORD = "Kiesel im Bach 7"
HASH = passwords.hashed(PASSWORD)
ORIGIN = "http://localhost:8080"


@pytest.fixture
def near(place: Place) -> Place:
    """A portal whose address is good for passkeys."""
    place.portal = replace(place.portal, base_url=ORIGIN)
    return place


@pytest.fixture
def person(near: Place) -> User:
    """A person with a password."""
    return near.user(near.company(), password_hash=HASH)


def _options(page: str) -> dict[str, Any]:
    [written] = re.findall(r'data-options="([^"]*)"', page)
    found: dict[str, Any] = json.loads(html.unescape(written))
    return found


def _added(place: Place, user: User, **changes: Any) -> tuple[KeyInSoftware, Any]:
    key = KeyInSoftware(ORIGIN, **changes)
    browser = place.signed_in(user)
    browser.get("/account")
    asked = browser.post("/account/passkeys/ask", {"name": "Telefon", "password": PASSWORD})
    return key, browser.post("/account/passkeys", {"answer": key.made(_options(asked.text))})


def _asked(place: Place) -> tuple[Browser, dict[str, Any]]:
    browser = place.browser()
    browser.get("/sign-in")
    page = browser.post("/passkey", {"next": "/account"})
    return browser, _options(page.text)


def _is_in(browser: Browser) -> bool:
    return bool(browser.get("/account").status_code == 200)


def test_a_passkey_signs_its_owner_in(near: Place, person: User) -> None:
    """Without a password, as it is bound to who holds it; with the first one come recovery codes."""
    key, made = _added(near, person)
    browser, options = _asked(near)

    answer = browser.post("/passkey/answer", {"answer": key.signed(options)})

    assert len(re.findall(r"<li><code>", made.text)) == 10
    assert answer.headers["location"] == "/account"
    assert _is_in(browser)
    with near.store.reading() as records:
        acts = [one.name for one in records.acts.of(person.id)]
        [passkey] = records.factors.of_user(person.id).passkeys
    assert acts == [ActName.PASSKEY_ADDED]
    assert (passkey.name, passkey.sign_count) == ("Telefon", 1)


def test_the_page_that_asks_may_run_our_own_script_and_no_other_page_may(near: Place) -> None:
    """One file of the portal; nothing inline."""
    browser = near.browser()
    other = browser.get("/sign-in").headers["content-security-policy"]
    page = browser.post("/passkey")

    assert "script-src" not in other
    assert page.headers["content-security-policy"].endswith("; script-src 'self'")
    assert re.findall(r"<script[^>]*>", page.text) == re.findall(
        r'<script src="/static/passkey\.js[^"]*">', page.text
    )


def test_the_password_is_not_enough_any_more(near: Place, person: User) -> None:
    """The second step takes the passkey, or a recovery code, and leads where the person wanted to go."""
    key, made = _added(near, person)
    [code, *_] = re.findall(r"<li><code>([\w-]+)</code></li>", made.text)
    ways: list[Callable[[Browser], Any]] = [
        lambda browser: browser.post(
            "/passkey/answer", {"answer": key.signed(_options(browser.post("/passkey").text))}
        ),
        lambda browser: browser.post("/second-factor", {"code": code}),
    ]

    for way in ways:
        browser = near.browser()
        browser.get("/sign-in")
        fields = {"email": person.email, "password": PASSWORD, "next": "/waiting"}
        first = browser.post("/sign-in", fields).headers["location"]
        browser.get("/second-factor")
        before = _is_in(browser)
        browser.get("/second-factor")
        second = way(browser).headers["location"]

        assert (first, before, second) == ("/second-factor", False, "/waiting")
        assert _is_in(browser)


def test_no_wrong_answer_opens_anything(near: Place, person: User) -> None:
    """Another site's, another key's, an old one, one without its owner, one of a copied key, and no answer at all."""
    key, _ = _added(near, person)
    elsewhere = replace(key, origin="https://localhost.evil.example")
    unverified = replace(key, verified=False)
    stranger = KeyInSoftware(ORIGIN)
    forged = replace(stranger, credential_id=key.credential_id)
    browser, options = _asked(near)
    old = key.signed(options)
    browser.post("/passkey/answer", {"answer": old})
    copied = replace(key, count=0)
    wrong: list[Callable[[dict[str, Any]], str]] = [
        elsewhere.signed,
        unverified.signed,
        stranger.signed,
        forged.signed,
        copied.signed,
        lambda _: old,
        *(
            lambda _, text=text: text
            for text in ("", "{}", "[]", "null", "x" * 100_000, '{"id":1,"rawId":"~"}')
        ),
        lambda asked: key.signed(asked).replace("public-key", "private-key"),
    ]

    for answers in wrong:
        browser, options = _asked(near)
        answer = browser.post("/passkey/answer", {"answer": answers(options)})

        assert answer.headers["location"] == "/sign-in?notice=passkey_wrong"
        assert not _is_in(browser)


def test_an_answer_is_good_once_and_in_its_browser(near: Place, person: User) -> None:
    """Whoever copies it comes too late, or from elsewhere."""
    key, _ = _added(near, person)
    browser, options = _asked(near)
    signed = key.signed(options)
    other, _ = _asked(near)

    from_elsewhere = other.post("/passkey/answer", {"answer": signed})
    browser.post("/passkey/answer", {"answer": signed})
    browser.get("/account")
    again = browser.post("/passkey/answer", {"answer": signed})

    assert from_elsewhere.headers["location"] == "/sign-in?notice=passkey_wrong"
    assert (_is_in(browser), _is_in(other)) == (True, False)
    assert again.status_code == 404


def test_adding_one_takes_the_password_and_a_sound_answer(near: Place, person: User) -> None:
    """Who finds an open browser adds none; neither does a device that does not know its owner."""
    browser = near.signed_in(person)
    browser.get("/account")
    refused = browser.post("/account/passkeys/ask", {"name": "Thief", "password": "something else"})
    unverified = _added(near, person, verified=False)[1]
    without = browser.post("/account/passkeys", {"answer": "{}"})

    with near.store.reading() as records:
        assert records.factors.of_user(person.id).passkeys == ()
    assert refused.headers["location"] == "/account?notice=one_time_wrong"
    assert {one.headers["location"] for one in (unverified, without)} == {"/account?notice=passkey_failed"}


def test_one_is_removed_by_its_owner_with_the_password(near: Place, person: User) -> None:
    """Another person's cannot be; after the last one the password is enough again."""
    _added(near, person)
    with near.store.reading() as records:
        [passkey] = records.factors.of_user(person.id).passkeys
    other = near.signed_in(near.user(password_hash=HASH))
    other.get("/account")
    browser = near.signed_in(person)
    page = browser.get("/account").text

    not_theirs = other.post("/account/passkeys/remove", {"passkey": passkey.id, "password": PASSWORD})
    no_password = browser.post("/account/passkeys/remove", {"passkey": passkey.id, "password": "wrong one"})
    browser.post("/account/passkeys/remove", {"passkey": passkey.id, "password": PASSWORD})

    assert "Telefon" in page
    assert not_theirs.status_code == 404
    assert no_password.headers["location"] == "/account?notice=one_time_wrong"
    with near.store.reading() as records:
        factors = records.factors.of_user(person.id)
    assert (factors.asked, factors.recovery_codes) == (False, 0)


def test_where_the_address_is_not_good_for_passkeys_there_are_none(place: Place) -> None:
    """Browsers take them over https, or on this machine by name, only."""
    browser = place.signed_in(place.user(place.company(), password_hash=HASH))
    page = browser.get("/account").text

    assert place.portal.passkey_place is None
    assert "passkeys" not in page
    assert browser.post("/passkey").status_code == 404
