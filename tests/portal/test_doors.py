"""The ways in: what a person does at the doors, and what becomes of it."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest

from portal import passwords
from storage.records.companies import AccountStatus
from storage.records.outgoing import MailTemplate, OutboundMail, OutboundState
from storage.records.people import Language, MembershipState, Role
from storage.records.registration import RegistrationLink
from tests import making
from tests.portal.browsers import NOW, Browser, Place

ANNA = "anna@company.example"
PASSWORD = "correct horse battery"
ENTERED = {"email": ANNA, "name": "Anna Muster", "company": "Muster GmbH", "password": PASSWORD}


def _mails(place: Place, template: MailTemplate | None = None) -> list[OutboundMail]:
    """What the outbox holds, oldest first."""
    with place.store.reading() as records:
        mails = records.outbox.select()[::-1]
    return [mail for mail in mails if template in (None, mail.template)]


def _code(place: Place, recipient: str = ANNA) -> str:
    """The code of the newest mail to this recipient."""
    return next(
        mail.context["code"] for mail in _mails(place, MailTemplate.CODE)[::-1] if mail.recipient == recipient
    )


def _enter_code(place: Place, browser: Browser, recipient: str = ANNA, **more: str) -> Any:
    browser.get("/code")
    return browser.post("/code", {"code": _code(place, recipient)} | more)


def _register(place: Place, browser: Browser | None = None, **changes: str) -> Any:
    """Registers with the code that is sent; the answer to the code."""
    browser = browser or place.browser()
    entered = ENTERED | changes
    browser.get("/register")
    assert browser.post("/register", entered).headers["location"] == "/code"
    return _enter_code(place, browser, entered["email"])


def _link(place: Place, **changes: Any) -> tuple[RegistrationLink, str]:
    """An invited company's link, and the path it leads to."""
    email = changes.pop("email", "invoices@new.example")
    company = place.company(
        name=email, addresses=(email,), status=AccountStatus.INVITED, invited_at=NOW, registered_at=None
    )
    link_id = changes.pop("id", making.new_id())
    link = making.link(
        company.id, id=link_id, email=email, token_digest=place.portal.tokens.digest(link_id), **changes
    )
    with place.store.transaction() as records:
        records.links.add([link])
    url = place.portal.tokens.url(link)
    assert url is not None
    return link, url.removeprefix("http://portal.test")


def _members(place: Place, account_id: str) -> list[tuple[str, Role, MembershipState]]:
    with place.store.reading() as records:
        found = records.memberships.of_account(account_id)
        users = records.users.by_ids(one.user_id for one in found)
    return [(users[one.user_id].email, one.role, one.state) for one in found]


def _account(place: Place, name: str) -> str:
    with place.store.reading() as records:
        account = records.accounts.by_name(name)
    assert account is not None
    return account.id


def test_who_registers_an_unknown_company_is_its_administrator(place_on_each: Place) -> None:
    """Active once the mailbox is proven, and signed in; before that there is neither a person nor a company."""
    place = place_on_each
    browser = place.browser()
    browser.get("/register")
    browser.post("/register", ENTERED)
    with place.store.reading() as records:
        assert records.users.by_email(ANNA) is None
        assert records.accounts.by_name("Muster GmbH") is None

    answer = _enter_code(place, browser)

    assert answer.headers["location"] == "/?notice=welcome"
    account_id = _account(place, "MUSTER Gesellschaft mit beschränkter Haftung")
    assert _members(place, account_id) == [(ANNA, Role.ADMINISTRATOR, MembershipState.ACTIVE)]
    assert browser.get("/account").status_code == 200


def test_who_registers_a_known_company_waits_for_its_administrator(place_on_each: Place) -> None:
    """The administrator is told by mail; meanwhile nothing is to be seen."""
    place = place_on_each
    company = place.company(name="Muster GmbH")
    place.user(company, email="chef@company.example", language=Language.GERMAN)
    browser = place.browser()

    answer = _register(place, browser, company="muster g.m.b.h.")

    [told] = _mails(place, MailTemplate.JOIN_REQUEST)
    assert answer.headers["location"] == "/waiting"
    assert (told.recipient, told.language) == ("chef@company.example", Language.GERMAN)
    assert told.context == {"person": "Anna Muster", "email": ANNA}
    assert _members(place, company.id)[1:] == [(ANNA, Role.MEMBER, MembershipState.WAITING)]
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
    codes = [_code(place, email) for email in emails]
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
    roles = [role for _, role, _ in _members(place, _account(place, "Muster GmbH"))]
    assert sorted(roles) == [Role.ADMINISTRATOR] + [Role.MEMBER] * 5
    with place.store.reading() as records:
        assert len(records.accounts.all()) == 1


def test_people_of_a_domain_that_the_company_named_join_at_once(place: Place) -> None:
    """Those of another domain wait; so does somebody who was removed before."""
    company = place.company(name="Muster GmbH")
    chef = place.user(company)
    with place.store.transaction() as records:
        records.memberships.add_joining_domain(company.id, "company.example", at=NOW, by=chef.id)

    _register(place)
    _register(place, email="eve@other.example")
    with place.store.transaction() as records:
        anna = records.users.by_email(ANNA)
        assert anna is not None
        records.memberships.decide(
            company.id, anna.id, state=MembershipState.REMOVED, at=NOW, by=chef.id, reason=None
        )
    browser = place.signed_in(anna)
    browser.get("/join")
    browser.post("/join", {"company": "Muster GmbH"})

    assert _members(place, company.id)[1:] == [
        (ANNA, Role.MEMBER, MembershipState.WAITING),
        ("eve@other.example", Role.MEMBER, MembershipState.WAITING),
    ]


def test_a_company_that_was_invited_at_the_proven_mailbox_is_founded_with_its_invoices(place: Place) -> None:
    """The code proves the same as the link; the link opens nothing any more."""
    link, path = _link(place, email=ANNA)

    _register(place)

    with place.store.reading() as records:
        account = records.accounts.get(link.account_id)
    assert (account.name, account.status) == ("Muster GmbH", AccountStatus.REGISTERED)
    assert place.browser().get(path).status_code == 404


def test_registering_claims_no_address_and_no_identifier_of_anybody(place: Place) -> None:
    """An account that was invited at another mailbox stays as it is, and the new company has no key but its name."""
    link, _ = _link(place, email="invoices@company.example")

    _register(place)

    with place.store.reading() as records:
        invited = records.accounts.get(link.account_id)
        founded = records.accounts.get(_account(place, "Muster GmbH"))
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
        answers.append((first.status_code, first.headers["location"], wrong.status_code, _plain(page, email)))

    assert answers[0] == answers[1]
    assert [mail.template for mail in _mails(place)] == [MailTemplate.KNOWN_ADDRESS, MailTemplate.CODE]


def _plain(page: str, email: str) -> str:
    return re.sub(r'value="[0-9a-f]{64}"', "", page).replace(email, "")


def test_an_invited_company_registers_by_its_link_and_has_everything_since(place_on_each: Place) -> None:
    """Its own address needs no code: the link was sent there. The first person is the administrator."""
    place = place_on_each
    link, path = _link(place)
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
    assert _members(place, account.id) == [
        ("Invoices@New.example", Role.ADMINISTRATOR, MembershipState.ACTIVE)
    ]
    assert _mails(place) == []


def test_a_forwarded_link_asks_the_mailbox_it_was_sent_to_and_then_the_persons_own(place: Place) -> None:
    """Two codes: whoever owns the link agrees, and the person is who they say."""
    link, path = _link(place)
    browser = place.browser()
    browser.get(path)

    browser.post(path, ENTERED)
    first = _enter_code(place, browser, link.email)
    with place.store.reading() as records:
        assert records.links.get(link.id).redeemed_at is None
    second = _enter_code(place, browser)

    assert first.headers["location"] == "/code?notice=link_agreed"
    assert second.headers["location"] == "/?notice=welcome"
    assert _members(place, link.account_id) == [(ANNA, Role.ADMINISTRATOR, MembershipState.ACTIVE)]
    [asked, _] = _mails(place, MailTemplate.CODE)
    assert (asked.recipient, asked.context["email"]) == (link.email, ANNA)


def test_who_is_signed_in_needs_only_the_agreement_of_the_links_mailbox(place: Place) -> None:
    """Their own mailbox is proven."""
    anna = place.user(email=ANNA)
    link, path = _link(place)
    browser = place.signed_in(anna)
    browser.get(path)

    browser.post(path, {"company": "Muster GmbH"})
    answer = _enter_code(place, browser, link.email)

    assert answer.headers["location"] == "/?notice=welcome"
    assert _members(place, link.account_id) == [(ANNA, Role.ADMINISTRATOR, MembershipState.ACTIVE)]


def test_a_link_does_not_sign_anybody_in_who_has_a_password(place: Place) -> None:
    """Whoever got hold of the link would else see the other companies of that person."""
    place.user(email="invoices@new.example", password_hash=passwords.hashed(PASSWORD))
    link, path = _link(place)
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
    link, path = _link(place)
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
    link, path = _link(place)
    browser = place.browser()

    assert "sends no mails yet" in browser.get("/register").text
    assert browser.post("/register", ENTERED).status_code == 400
    browser.get(path)
    assert "sends no codes" in browser.post(path, ENTERED).text
    assert browser.post(path, ENTERED | {"email": link.email}).status_code == 303
    assert _mails(place) == []


def test_a_forgotten_password_is_set_anew_by_a_code_and_every_session_ends(place: Place) -> None:
    """Whoever knew the old one is out."""
    anna = place.user(email=ANNA, password_hash=passwords.hashed("the old password"))
    elsewhere, browser = place.signed_in(anna), place.browser()
    browser.get("/password")

    browser.post("/password", {"email": ANNA})
    answer = _enter_code(place, browser, password=PASSWORD)

    assert answer.headers["location"] == "/?notice=password_set"
    assert elsewhere.get("/account").headers["location"].startswith("/sign-in")
    assert _sign_in(place, ANNA, PASSWORD).status_code == 303
    assert _sign_in(place, ANNA, "the old password").status_code == 403


def test_asking_for_a_new_password_tells_nothing_about_an_address(place: Place) -> None:
    """The same pages for an address that nobody has, and no mail."""
    place.user(email=ANNA)
    pages = []
    for email in (ANNA, "nobody@company.example"):
        browser = place.browser()
        browser.get("/password")
        browser.post("/password", {"email": email})
        pages.append(_plain(browser.get("/code").text, email))

    assert pages[0] == pages[1]
    assert [mail.recipient for mail in _mails(place)] == [ANNA]


def _sign_in(place: Place, email: str, password: str, browser: Browser | None = None, **more: str) -> Any:
    browser = browser or place.browser()
    browser.get("/sign-in")
    return browser.post("/sign-in", {"email": email, "password": password} | more)


def test_signing_in_gives_a_new_session_and_signing_out_ends_it(place: Place) -> None:
    """Also one that somebody had slipped into the browser before ends; a copy of the cookie is worth nothing after."""
    anna = place.user(email=ANNA, password_hash=passwords.hashed(PASSWORD))
    browser = place.browser()
    answer = _sign_in(place, "Anna@Company.example", PASSWORD, browser, next="/account")
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

    answer = _sign_in(place, email, "x" * 12)

    assert answer.status_code == 403
    assert "E-mail address or password is not right." in answer.text


def test_who_guesses_passwords_has_to_wait_and_others_need_not(place: Place) -> None:
    """The right password does not help any more then; after the time it does."""
    place.user(email=ANNA, password_hash=passwords.hashed(PASSWORD))
    for _ in range(10):
        assert _sign_in(place, ANNA, "wrong password").status_code == 403

    answer = _sign_in(place, ANNA, PASSWORD)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
    elsewhere = place.browser(**{"x-forwarded-for": "192.0.2.7"})
    elsewhere.client._transport.client = ("127.0.0.1", 50000)  # type: ignore[attr-defined]  # a proxy on this machine
    assert _sign_in(place, ANNA, PASSWORD, elsewhere).status_code == 303
    place.clock[0] += timedelta(minutes=16)
    assert _sign_in(place, ANNA, PASSWORD).status_code == 303


def test_so_many_codes_go_to_a_mailbox_and_no_more(place: Place) -> None:
    """Nobody's mailbox is filled by somebody who types an address again and again."""
    statuses = []
    for _ in range(7):
        browser = place.browser()
        browser.get("/register")
        statuses.append(browser.post("/register", ENTERED).status_code)

    assert statuses == [303] * 5 + [429] * 2
    assert len(_mails(place)) == 5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"email": "no address"}, "no e-mail address"),
        ({"email": "a@b"}, "no e-mail address"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "no e-mail address"),
        ({"name": " "}, "Please give your name"),
        ({"company": "!!!"}, "name of the company"),
        ({"company": "x" * 121}, "name of the company"),
        ({"password": "short"}, "at least"),
        ({"password": "aaaaaaaaaaaa"}, "too easy"),
        ({"password": ANNA}, "too easy"),
        ({"password": "x1" * 101}, "at most"),
    ],
)
def test_what_is_wrong_with_a_form_is_said_at_its_field(
    place: Place, changes: dict[str, str], said: str
) -> None:
    """With what was entered still there, but for the password; and nothing has happened."""
    browser = place.browser()
    browser.get("/register")

    answer = browser.post("/register", ENTERED | changes)

    assert answer.status_code == 400
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert PASSWORD not in answer.text
    assert _mails(place) == []


def test_a_person_changes_name_language_and_notices(place: Place) -> None:
    """Mails come in the chosen language, about the chosen companies."""
    company = place.company()
    anna = place.user(company)
    browser = place.signed_in(anna)
    browser.get("/account")

    browser.post("/account", {"name": "Anna  Neu", "language": "de"})
    browser.get("/account")
    browser.post("/account/notices", {})

    with place.store.reading() as records:
        changed = records.users.get(anna.id)
        assert records.memberships.get(company.id, anna.id).notify is False
    assert (changed.name, changed.language) == ("Anna Neu", Language.GERMAN)
    assert "Mein Konto" in browser.get("/account").text


def test_a_password_is_changed_by_who_knows_the_old_one(place: Place) -> None:
    """Every other browser is signed out, this one stays."""
    anna = place.user(password_hash=passwords.hashed("the old password"))
    here, elsewhere = place.signed_in(anna), place.signed_in(anna)
    here.get("/account")

    wrong = here.post("/account/password", {"old": "guessed guessed", "password": PASSWORD})
    right = here.post("/account/password", {"old": "the old password", "password": PASSWORD})

    assert (wrong.status_code, right.status_code) == (400, 303)
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303


def test_a_person_signs_other_browsers_out_but_nobody_elses(place: Place) -> None:
    """The id of a session of somebody else is of no use."""
    anna, eve = place.user(), place.user()
    here, lost, hers = place.signed_in(anna), place.signed_in(anna), place.signed_in(eve)
    with place.store.reading() as records:
        [session] = records.sessions.of_user(eve.id, NOW)
    here.get("/account")

    here.post("/account/sessions/end", {"session": session.id})
    here.post("/account/sessions/end")

    assert hers.get("/account").status_code == 200
    assert lost.get("/account").status_code == 303
    assert here.get("/account").status_code == 200


def test_codes_lie_in_the_outbox_until_they_are_sent_and_no_longer(place: Place) -> None:
    """And the database never holds the browser's half of a flow."""
    browser = place.browser()
    browser.get("/register")
    browser.post("/register", ENTERED)
    [mail] = _mails(place)

    with place.store.transaction() as records:
        records.outbox.claim(by="a", now=NOW, lease=timedelta(minutes=1), limit=1)
        records.outbox.sent(mail, by="a", at=NOW, message_id="<1@host>", reply="250")
        [sent] = records.outbox.select(OutboundState.SENT)

    assert sent.context == {}
    assert browser.client.cookies["flow"] not in str(sent)
