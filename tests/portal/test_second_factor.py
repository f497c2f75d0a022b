"""With a second factor the password alone opens nothing; it is asked once per sign-in, and there is a way back."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from portal import passwords
from portal.one_time_passwords import RECOVERY_CODES, STEP_SECONDS
from portal.second_factor import OF_PERSON
from storage.people.codes import MOST_ATTEMPTS
from storage.records.acts import ActName
from storage.records.people import CodePurpose, User
from tests.portal.browsers import KEY, Browser, Place

PASSWORD = "Kiesel im Bach 7"
HASH = passwords.hashed(PASSWORD)


@dataclass
class Person:
    """Somebody with an app on the phone."""

    place: Place
    user: User
    secret_id: str = ""
    recovery_codes: tuple[str, ...] = ()

    def shown(self) -> str:
        """What the app shows now."""
        totp = self.place.portal.authenticators._totp(self.user.id, self.secret_id)
        return totp.generate(int(self.place.clock[0].timestamp())).decode()

    def next(self) -> str:
        """What it shows next."""
        self.place.clock[0] += timedelta(seconds=STEP_SECONDS)
        return self.shown()

    def enter_password(self) -> tuple[Browser, str]:
        """A browser after the first step, and where it is sent."""
        browser = self.place.browser()
        browser.get("/sign-in")
        answer = browser.post(
            "/sign-in", {"email": self.user.email, "password": PASSWORD, "next": "/account"}
        )
        browser.get("/second-factor")
        return browser, answer.headers["location"]


@pytest.fixture
def person(place: Place) -> Person:
    """A person with a password."""
    return Person(place, place.user(place.company(), password_hash=HASH))


@pytest.fixture
def protected(person: Person) -> Person:
    """The same with an app connected."""
    browser = person.place.signed_in(person.user)
    _connect(person, browser)
    return person


def _connect(person: Person, browser: Browser) -> str:
    page = browser.get("/account/second-factor").text
    [person.secret_id] = re.findall(r'name="secret_id" value="([0-9a-f-]{36})"', page)
    fields = {"secret_id": person.secret_id, "code": person.shown(), "password": PASSWORD}
    made = browser.post("/account/second-factor", fields).text
    person.recovery_codes = tuple(re.findall(r"<li><code>([\w-]+)</code></li>", made))
    return made


def _is_in(browser: Browser) -> bool:
    return bool(browser.get("/account").status_code == 200)


def _acts(place: Place, user: User) -> list[ActName]:
    with place.store.reading() as records:
        return [one.name for one in records.acts.of(user.id)]


def test_an_app_is_connected_by_what_it_shows(person: Person) -> None:
    """The picture and the text hold the same secret; recovery codes are shown once; others are signed out."""
    other, browser = person.place.signed_in(person.user), person.place.signed_in(person.user)
    page = browser.get("/account/second-factor").text

    _connect(person, browser)

    assert "<svg" in page
    assert "style=" not in page, "the policy of the pages forbids it"
    assert len(set(person.recovery_codes)) == RECOVERY_CODES
    assert person.recovery_codes[0] not in browser.get("/account").text
    assert (_is_in(browser), _is_in(other)) == (True, False)
    assert _acts(person.place, person.user) == [ActName.RECOVERY_CODES_MADE, ActName.AUTHENTICATOR_SET]
    with person.place.store.reading() as records:
        [mail] = records.outbox.select()
    assert (mail.recipient, mail.context) == (person.user.email, {"what": "authenticator-set"})


@pytest.mark.parametrize("wrong", [{"code": "000000"}, {"code": ""}, {"password": "something else"}])
def test_neither_a_wrong_code_nor_a_wrong_password_connects(person: Person, wrong: dict[str, str]) -> None:
    """Who finds an open browser cannot lock its owner out; the secret on the page stays, so it can be tried again."""
    browser = person.place.signed_in(person.user)
    page = browser.get("/account/second-factor").text
    [person.secret_id] = re.findall(r'name="secret_id" value="([0-9a-f-]{36})"', page)
    fields = {"secret_id": person.secret_id, "code": person.shown(), "password": PASSWORD}

    answer = browser.post("/account/second-factor", fields | wrong)

    assert answer.status_code == 400
    assert person.secret_id in answer.text
    assert person.enter_password()[1] == "/account"


def test_signing_in_takes_both(protected: Person) -> None:
    """And leads to where the person wanted to go."""
    browser, location = protected.enter_password()
    before = _is_in(browser)

    answer = browser.post("/second-factor", {"code": protected.next()})

    assert (location, before) == ("/second-factor", False)
    assert answer.headers["location"] == "/account"
    assert _is_in(browser)


def test_a_code_is_good_once(protected: Person) -> None:
    """Whoever looked over the shoulder comes too late, also with the code before."""
    first, _ = protected.enter_password()
    code = protected.next()
    first.post("/second-factor", {"code": code})
    thief, _ = protected.enter_password()

    again = thief.post("/second-factor", {"code": code})
    protected.place.clock[0] -= timedelta(seconds=STEP_SECONDS)
    before = thief.post("/second-factor", {"code": protected.shown()})

    assert (again.status_code, before.status_code) == (403, 403)
    assert not _is_in(thief)


def test_guessing_ends_soon(protected: Person) -> None:
    """In one browser after five, for the person after ten from wherever: three of a million are right at a time."""
    browser, _ = protected.enter_password()
    statuses = [
        browser.post("/second-factor", {"code": "000000"}).status_code for _ in range(MOST_ATTEMPTS + 1)
    ]
    for _ in range(OF_PERSON.tries - MOST_ATTEMPTS):
        another, _ = protected.enter_password()
        another.post("/second-factor", {"code": "000000"})
    right, _ = protected.enter_password()
    too_many = right.post("/second-factor", {"code": protected.next()})
    protected.place.clock[0] += OF_PERSON.within
    later, _ = protected.enter_password()
    later.post("/second-factor", {"code": protected.next()})

    assert statuses == [403] * (MOST_ATTEMPTS - 1) + [404, 404]
    assert too_many.status_code == 429
    assert not _is_in(right)
    assert _is_in(later)


def test_a_recovery_code_is_a_way_in_once(protected: Person) -> None:
    """However it is typed; its owner is told by mail, and another person's is worth nothing."""
    code = protected.recovery_codes[3]
    browser, _ = protected.enter_password()
    browser.post("/second-factor", {"code": f" {code.upper().replace('-', ' ')} "})
    again, _ = protected.enter_password()
    refused = again.post("/second-factor", {"code": code})

    page = browser.get("/account").text
    assert refused.status_code == 403
    assert f"{RECOVERY_CODES - 1} recovery codes left" in page
    assert _acts(protected.place, protected.user)[0] is ActName.RECOVERY_CODE_USED


def test_the_mailbox_alone_is_not_enough_either(protected: Person) -> None:
    """A new password by a code: the second factor is asked for all the same."""
    place = protected.place
    browser = place.browser()
    browser.get("/password")
    browser.post("/password", {"email": protected.user.email})
    with place.store.reading() as records:
        code = next(mail.context["code"] for mail in records.outbox.select() if "code" in mail.context)
    browser.get("/code")

    answer = browser.post("/code", {"code": code, "password": "Ein anderer Satz 9"})

    assert answer.headers["location"] == "/second-factor"
    assert not _is_in(browser)
    browser.get("/second-factor")
    browser.post("/second-factor", {"code": protected.next()})
    assert _is_in(browser)


def test_a_flow_for_something_else_opens_nothing(protected: Person) -> None:
    """What a browser holds for one question does not answer another."""
    place = protected.place
    browser, _ = protected.enter_password()
    assert browser.get("/code").headers["location"] == "/second-factor"
    assert browser.post("/code", {"code": protected.next()}).headers["location"] == "/second-factor"
    with place.store.transaction() as records:
        flow = records.codes.begin(
            protected.user.email, CodePurpose.RESET, {"user": protected.user.id}, place.clock[0]
        )
    other = place.browser()
    other.client.cookies.set("flow", flow.flow)

    assert other.get("/second-factor").status_code == 404
    other.get("/sign-in")
    assert other.post("/second-factor", {"code": protected.next()}).status_code == 404
    assert place.browser().get("/second-factor").status_code == 404


def test_turning_it_off_takes_password_and_code(protected: Person) -> None:
    """An open browser is not enough; afterwards the password is."""
    browser = protected.place.signed_in(protected.user)
    browser.get("/account")
    only_code = browser.post(
        "/account/second-factor/remove", {"code": protected.next(), "password": "wrong one"}
    )
    only_password = browser.post("/account/second-factor/remove", {"code": "000000", "password": PASSWORD})
    still = protected.enter_password()[1]

    browser.post("/account/second-factor/remove", {"code": protected.next(), "password": PASSWORD})

    assert [one.headers["location"] for one in (only_code, only_password)] == [
        "/account?notice=one_time_wrong"
    ] * 2
    assert still == "/second-factor"
    assert protected.enter_password()[1] == "/account"
    assert _acts(protected.place, protected.user)[0] is ActName.AUTHENTICATOR_REMOVED


def test_the_password_is_changed_with_the_code_only(protected: Person) -> None:
    """Else a thief with an open browser and the old password could shut the owner out."""
    browser = protected.place.signed_in(protected.user)
    browser.get("/account")
    fields = {"old": PASSWORD, "password": "Ein anderer Satz 9"}

    without = browser.post("/account/password", fields | {"code": "000000"})
    with_it = browser.post("/account/password", fields | {"code": protected.next()})

    assert without.status_code == 400
    assert with_it.headers["location"] == "/account?notice=password_set"


def test_new_recovery_codes_replace_the_old_ones(protected: Person) -> None:
    """And take a code of the app."""
    browser = protected.place.signed_in(protected.user)
    browser.get("/account")
    refused = browser.post("/account/second-factor/codes", {"code": "000000"})

    made = browser.post("/account/second-factor/codes", {"code": protected.next()}).text

    codes = re.findall(r"<li><code>([\w-]+)</code></li>", made)
    asked, _ = protected.enter_password()
    assert refused.headers["location"] == "/account?notice=one_time_wrong"
    assert len(codes) == RECOVERY_CODES
    assert asked.post("/second-factor", {"code": protected.recovery_codes[0]}).status_code == 403
    assert asked.post("/second-factor", {"code": codes[0]}).status_code == 303


def test_with_another_key_only_recovery_codes_are_left(protected: Person) -> None:
    """After a restore without the key: the app's codes cannot be checked, and the page says what to do."""
    place = protected.place
    code = protected.next()
    place.portal = replace(place.portal, key=bytes(reversed(KEY)))
    browser, _ = protected.enter_password()

    with_app = browser.post("/second-factor", {"code": code})
    browser.post("/second-factor", {"code": protected.recovery_codes[0]})

    assert with_app.status_code == 403
    assert "Connect it once more" in browser.get("/account").text


def test_a_copy_of_the_database_shows_no_code(protected: Person) -> None:
    """Neither the secret nor a recovery code is in it, in any form that could be entered."""
    file = protected.place.store._file
    assert file is not None
    octets = b"".join(one.read_bytes() for one in file.parent.glob("invoices.db*") if one.is_file())

    written = protected.place.portal.authenticators.written(protected.user.id, protected.secret_id)
    assert written.encode() not in octets
    assert protected.recovery_codes[0].encode() not in octets
