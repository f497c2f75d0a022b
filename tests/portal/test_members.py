"""What administrators do with the people of their company, and what nobody else may."""

from __future__ import annotations

from typing import Any

import pytest

from portal.invitation_list import MOST_LINES, Guest, read_list
from storage.records.companies import CompanyAccount
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import Language, Membership, MembershipState, Role, User
from tests.portal.browsers import NOW, Browser, Place

ANNA = "anna@company.example"


def _mails(place: Place) -> list[OutboundMail]:
    with place.store.reading() as records:
        return records.outbox.select()[::-1]


def _standing(place: Place, company: CompanyAccount, email: str) -> tuple[Role, MembershipState] | None:
    with place.store.reading() as records:
        user = records.users.by_email(email)
        found = records.memberships.find(company.id, user.id) if user else None
    return (found.role, found.state) if found else None


def _asks(place: Place, company: CompanyAccount, email: str = ANNA) -> User:
    """Somebody who waits."""
    user = place.user(email=email, language=Language.GERMAN)
    with place.store.transaction() as records:
        records.memberships.put(
            Membership(
                account_id=company.id,
                user_id=user.id,
                role=Role.MEMBER,
                state=MembershipState.WAITING,
                created_at=NOW,
            )
        )
    return user


def _desk(place: Place) -> tuple[CompanyAccount, User, Browser, str]:
    """A company, its administrator, the browser that shows the members' page, and its path."""
    company = place.company(name="Muster GmbH")
    chef = place.user(company, name="Chef")
    browser = place.signed_in(chef)
    path = f"/companies/{company.id}/members"
    assert browser.get(path).status_code == 200
    return company, chef, browser, path


def test_an_administrator_confirms_and_the_person_is_told(place_on_each: Place) -> None:
    """In the person's language; it is on record who decided."""
    place = place_on_each
    company, chef, browser, path = _desk(place)
    anna = _asks(place, company)
    assert ANNA in browser.get(path).text

    answer = browser.post(f"{path}/confirm", {"person": anna.id})

    [mail] = _mails(place)
    assert answer.headers["location"] == f"{path}?notice=confirmed"
    assert _standing(place, company, ANNA) == (Role.MEMBER, MembershipState.ACTIVE)
    assert (mail.template, mail.recipient, mail.language) == (MailTemplate.CONFIRMED, ANNA, Language.GERMAN)
    with place.store.reading() as records:
        assert records.memberships.get(company.id, anna.id).decided_by == chef.id
        assert records.memberships.joining_domains(company.id) == []


def test_an_administrator_rejects_with_a_reason(place: Place) -> None:
    """The person reads it in the mail and on the page; a line end in it stays in the text."""
    company, _, browser, path = _desk(place)
    anna = _asks(place, company)

    browser.post(f"{path}/reject", {"person": anna.id, "reason": "Unbekannt\r\nBcc: x@y.example"})

    [mail] = _mails(place)
    assert mail.template is MailTemplate.REJECTED
    assert mail.context["reason"] == "Unbekannt Bcc: x@y.example"
    assert _standing(place, company, ANNA) == (Role.MEMBER, MembershipState.REJECTED)
    assert "Unbekannt" in place.signed_in(anna).get("/waiting").text


def test_a_request_is_decided_once(place: Place) -> None:
    """Of two administrators the second finds it decided, and the person gets one mail."""
    company, _, browser, path = _desk(place)
    anna = _asks(place, company)
    browser.post(f"{path}/confirm", {"person": anna.id})

    assert browser.post(f"{path}/reject", {"person": anna.id}).status_code == 404
    assert _standing(place, company, ANNA) == (Role.MEMBER, MembershipState.ACTIVE)
    assert len(_mails(place)) == 1


@pytest.mark.parametrize(
    ("email", "domain", "named"),
    [
        (ANNA, "company.example", ["company.example"]),
        (ANNA, "other.example", []),
        ("anna@gmail.com", "gmail.com", []),
    ],
)
def test_a_domain_is_named_on_confirming_only_where_it_is_the_persons_and_a_companys(
    place: Place, email: str, domain: str, named: list[str]
) -> None:
    """A provider's domain would let the whole world in; another one nobody has proven."""
    company, _, browser, path = _desk(place)
    anna = _asks(place, company, email)

    browser.post(f"{path}/confirm", {"person": anna.id, "domain": domain})

    with place.store.reading() as records:
        assert records.memberships.joining_domains(company.id) == named
    browser.post(f"{path}/domains/remove", {"domain": domain})
    with place.store.reading() as records:
        assert records.memberships.joining_domains(company.id) == []


def test_somebody_new_is_invited_active_at_once_and_proves_the_mailbox_by_the_link(
    place_on_each: Place,
) -> None:
    """With a password of their own; the company's other members are told nothing to whom the link belongs."""
    place = place_on_each
    company, _, browser, path = _desk(place)

    browser.post(f"{path}/invite", {"email": ANNA, "language": "de", "role": "member"})

    [mail] = _mails(place)
    with place.store.reading() as records:
        link = records.links.get(mail.context["link"])
    assert (mail.template, mail.language, mail.context["person"]) == (
        MailTemplate.INVITATION,
        Language.GERMAN,
        "Chef",
    )
    assert _standing(place, company, ANNA) == (Role.MEMBER, MembershipState.ACTIVE)
    guest, url = place.browser(), place.portal.tokens.url(link)
    assert url is not None
    door = url.removeprefix("http://portal.test")
    assert "Invitation to Muster GmbH" in guest.get(door).text
    answer = guest.post(door, {"email": ANNA, "name": "Anna", "password": "correct horse battery"})
    assert answer.headers["location"] == "/?notice=welcome"
    assert _standing(place, company, ANNA) == (Role.MEMBER, MembershipState.ACTIVE)


def test_somebody_with_an_account_belongs_at_once(place: Place) -> None:
    """No link is needed: the mailbox is proven. Who belongs already gets no second mail."""
    company, _, browser, path = _desk(place)
    place.user(email=ANNA)

    for _ in range(2):
        browser.post(f"{path}/invite", {"email": ANNA, "language": "en", "role": "administrator"})

    assert [mail.template for mail in _mails(place)] == [MailTemplate.CONFIRMED]
    assert _standing(place, company, ANNA) == (Role.ADMINISTRATOR, MembershipState.ACTIVE)


def test_two_companies_may_invite_the_same_address(place: Place) -> None:
    """One link proves the mailbox for both."""
    first, _, browser, path = _desk(place)
    second = place.company(name="Other AG")
    other = place.signed_in(place.user(second))
    other.get(f"/companies/{second.id}/members")
    fields = {"email": ANNA, "language": "de", "role": "member"}

    browser.post(f"{path}/invite", fields)
    answer = other.post(f"/companies/{second.id}/members/invite", fields)

    assert answer.status_code == 303
    assert {mail.context["link"] for mail in _mails(place)} == {_mails(place)[0].context["link"]}
    assert _standing(place, first, ANNA) == _standing(place, second, ANNA)


def test_a_list_invites_everybody_in_it_and_shows_what_is_wrong(place: Place) -> None:
    """Each person in their language; a bad line keeps nobody else out."""
    company, _, browser, path = _desk(place)
    octets = (
        b"E-Mail;Sprache;Rolle\nanna@company.example;de\nben@company.example;en;administrator\nnobody;de\n"
    )

    answer = _upload(browser, path, octets)

    assert "2 people are invited" in answer.text
    assert "Line 4: nobody;de" in answer.text
    assert {(mail.recipient, mail.language) for mail in _mails(place)} == {
        (ANNA, Language.GERMAN),
        ("ben@company.example", Language.ENGLISH),
    }
    assert _standing(place, company, "ben@company.example") == (Role.ADMINISTRATOR, MembershipState.ACTIVE)


def _upload(browser: Browser, path: str, octets: bytes) -> Any:
    return browser.client.post(
        f"{path}/invite-list",
        data={"csrf": browser.secret},
        files={"file": ("people.csv", octets, "text/csv")},
    )


@pytest.mark.parametrize(
    ("octets", "fault"),
    [
        (b"", "fault.list_empty"),
        (b"\x00\x01", "fault.list_coding"),
        (b"a@b.example\n" * (MOST_LINES + 1), "fault.list_long"),
    ],
)
def test_a_list_that_is_none_is_refused(octets: bytes, fault: str) -> None:
    """As a whole, with a sentence."""
    assert read_list(octets, Language.GERMAN).fault == fault


def test_a_list_is_read_as_spreadsheets_write_it() -> None:
    """With a byte order mark, commas or semicolons, in Latin-1, in any case, each person once."""
    expected = (
        Guest("a@b.example", Language.GERMAN, Role.MEMBER),
        Guest("c@d.example", Language.ENGLISH, Role.ADMINISTRATOR),
    )
    for octets in (
        b"\xef\xbb\xbfemail,language,role\r\na@b.example,DE,\r\nc@d.example,english,Admin\r\nA@B.example\r\n",
        "a@b.example;deutsch;Mitglied\n\nc@d.example;en;administrator".encode("latin-1"),
    ):
        assert read_list(octets, Language.GERMAN).guests == expected
    assert read_list("a@b.example;de;König".encode("latin-1"), Language.GERMAN).bad == {
        1: "a@b.example;de;König"
    }


def test_without_a_mail_server_the_administrator_gets_the_link_to_pass_on(place: Place) -> None:
    """It is shown once; the database could not show it."""
    object.__setattr__(place.portal, "sends_mail", False)
    _, _, browser, path = _desk(place)

    answer = browser.post(f"{path}/invite", {"email": ANNA, "language": "de", "role": "member"})

    assert "http://portal.test/register/" in answer.text
    assert _mails(place) == []


def test_a_removed_member_is_out_at_once_and_an_open_invitation_is_gone(place: Place) -> None:
    """Also in a browser that is signed in."""
    company, _, browser, path = _desk(place)
    ben = place.user(company, role=Role.ADMINISTRATOR, email="ben@company.example")
    bens = place.signed_in(ben)
    assert bens.get(path).status_code == 200
    browser.post(f"{path}/invite", {"email": ANNA, "language": "de", "role": "member"})
    with place.store.reading() as records:
        anna = records.users.by_email(ANNA)
        link = records.links.get(_mails(place)[0].context["link"])
    assert anna is not None

    for person in (ben.id, anna.id):
        browser.post(f"{path}/remove", {"person": person})

    url = place.portal.tokens.url(link)
    assert url is not None
    assert bens.get(path).status_code == 404
    assert place.browser().get(url.removeprefix("http://portal.test")).status_code == 404
    assert _standing(place, company, ANNA) == (Role.MEMBER, MembershipState.REMOVED)


def test_the_last_administrator_stays_one(place: Place) -> None:
    """With a sentence that says what to do first."""
    company, chef, browser, path = _desk(place)

    demoted = browser.post(f"{path}/role", {"person": chef.id, "role": "member"})
    removed = browser.post(f"{path}/remove", {"person": chef.id})

    assert (demoted.status_code, removed.status_code) == (409, 409)
    assert "Appoint a second one first" in demoted.text
    assert _standing(place, company, chef.email) == (Role.ADMINISTRATOR, MembershipState.ACTIVE)


ROUTES = ["confirm", "reject", "role", "remove", "invite", "invite-list", "domains/remove"]


@pytest.mark.parametrize("route", ROUTES)
def test_members_and_strangers_decide_nothing(place: Place, route: str) -> None:
    """The pages are not even there for a mere member, another company's administrator, or nobody."""
    company, _, _, path = _desk(place)
    anna = _asks(place, company)
    fields = {
        "person": anna.id,
        "role": "administrator",
        "email": "eve@evil.example",
        "language": "de",
        "domain": "x",
    }
    member = place.signed_in(place.user(company, role=Role.MEMBER))
    stranger = place.signed_in(place.user(place.company(name="Other AG")))
    for browser in (member, stranger, place.browser()):
        browser.get("/account")
        browser.get("/sign-in")
        answer = browser.client.post(
            f"{path}/{route}",
            data={"csrf": browser.secret} | fields,
            files={"file": ("x.csv", b"a@b.example")},
        )
        assert answer.status_code in (303, 404), answer.text
        assert answer.headers.get("location", "/sign-in").startswith("/sign-in")
    assert _standing(place, company, ANNA) == (Role.MEMBER, MembershipState.WAITING)
    assert _standing(place, company, "eve@evil.example") is None


def test_a_person_of_another_company_cannot_be_decided_about(place: Place) -> None:
    """Her id is of no use to the administrator of a company that she has nothing to do with."""
    _, _, browser, path = _desk(place)
    other = place.company(name="Other AG")
    anna = _asks(place, other)

    for route in ("confirm", "reject", "role", "remove"):
        assert browser.post(f"{path}/{route}", {"person": anna.id, "role": "member"}).status_code == 404
    assert _standing(place, other, ANNA) == (Role.MEMBER, MembershipState.WAITING)
