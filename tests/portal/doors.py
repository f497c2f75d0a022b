"""What a person does at the doors, step by step, for the tests of each."""

from __future__ import annotations

import re
from typing import Any

from storage.records.companies import AccountStatus
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import MembershipState, Role
from storage.records.registration import RegistrationLink
from tests import making
from tests.portal.browsers import NOW, Browser, Place

ANNA = "anna@company.example"
PASSWORD = "correct horse battery"
ENTERED = {"email": ANNA, "name": "Anna Muster", "company": "Muster GmbH", "password": PASSWORD}


def sent_mails(place: Place, template: MailTemplate | None = None) -> list[OutboundMail]:
    """What the outbox holds, oldest first."""
    with place.store.reading() as records:
        mails = records.outbox.select()[::-1]
    return [mail for mail in mails if template in (None, mail.template)]


def code_for(place: Place, recipient: str = ANNA) -> str:
    """The code of the newest mail to this recipient."""
    return next(
        mail.context["code"]
        for mail in sent_mails(place, MailTemplate.CODE)[::-1]
        if mail.recipient == recipient
    )


def enter_code(place: Place, browser: Browser, recipient: str = ANNA, **more: str) -> Any:
    """Enters the newest code that this mailbox got."""
    browser.get("/code")
    return browser.post("/code", {"code": code_for(place, recipient)} | more)


def register(place: Place, browser: Browser | None = None, **changes: str) -> Any:
    """Registers with the code that is sent; the answer to the code."""
    browser = browser or place.browser()
    entered = ENTERED | changes
    browser.get("/register")
    assert browser.post("/register", entered).headers["location"] == "/code"
    return enter_code(place, browser, entered["email"])


def invited_link(place: Place, **changes: Any) -> tuple[RegistrationLink, str]:
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


def people_of(place: Place, account_id: str) -> list[tuple[str, Role, MembershipState]]:
    """Who belongs to a company: address, role, state."""
    with place.store.reading() as records:
        found = records.memberships.of_account(account_id)
        users = records.users.by_ids(one.user_id for one in found)
    return [(users[one.user_id].email, one.role, one.state) for one in found]


def account_named(place: Place, name: str) -> str:
    """The id of the company of this name."""
    with place.store.reading() as records:
        account = records.accounts.by_name(name)
    assert account is not None
    return account.id


def sign_in(place: Place, email: str, password: str, browser: Browser | None = None, **more: str) -> Any:
    """Signs in with a password."""
    browser = browser or place.browser()
    browser.get("/sign-in")
    return browser.post("/sign-in", {"email": email, "password": password} | more)


def plain(page: str, email: str) -> str:
    """A page without the address that it names."""
    return re.sub(r'value="[0-9a-f]{64}"', "", page).replace(email, "")
