"""Registration links against those who should not have them: each attack fails, and the link's owner loses nothing."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from storage.companies.link_tokens import token_digest
from storage.records.companies import AccountStatus
from storage.records.outgoing import MailTemplate
from storage.records.people import Role
from storage.records.registration import RegistrationLink
from tests import making
from tests.portal.browsers import NOW, Browser, Place

INVITED = "invoices@new.example"
ENTERED = {"email": INVITED, "name": "Anna", "company": "New GmbH", "password": "correct horse battery"}


def _link(place: Place) -> tuple[RegistrationLink, str]:
    company = place.company(
        name=INVITED, addresses=(INVITED,), status=AccountStatus.INVITED, invited_at=NOW, registered_at=None
    )
    link_id = making.new_id()
    link = making.link(
        company.id, id=link_id, email=INVITED, token_digest=place.portal.tokens.digest(link_id)
    )
    with place.store.transaction() as records:
        records.links.add([link])
    url = place.portal.tokens.url(link)
    assert url is not None
    return link, url.removeprefix("http://portal.test")


def _ready(place: Place, path: str = "/sign-in") -> Browser:
    browser = place.browser()
    browser.get(path)
    return browser


def _is_untouched(place: Place, link: RegistrationLink) -> bool:
    with place.store.reading() as records:
        account = records.accounts.get(link.account_id)
        members = records.memberships.of_account(link.account_id)
        redeemed_at = records.links.get(link.id).redeemed_at
    return (account.status, members, redeemed_at) == (AccountStatus.INVITED, [], None)


def test_a_guessed_link_opens_nothing_and_looks_like_a_used_one(place: Place) -> None:
    """256 bits; and whoever guesses is not even told whether there ever was such a link."""
    link, path = _link(place)
    used = _ready(place).post(path, ENTERED)
    gone = _ready(place).get(path)

    guessed = _ready(place).get("/register/" + "A" * 43)
    posted = _ready(place).post("/register/" + "A" * 43, ENTERED)

    assert used.status_code == 303
    assert (gone.status_code, guessed.status_code, posted.status_code) == (404, 404, 404)
    assert _text(gone.text) == _text(guessed.text)
    with place.store.reading() as records:
        assert len(records.memberships.of_account(link.account_id)) == 1


def _text(page: str) -> str:
    """A page without what differs from one request to the next."""
    return "\n".join(line for line in page.splitlines() if "csrf" not in line and 'name="path"' not in line)


@pytest.mark.parametrize(
    "guess", ["%00", "..%2f..%2fetc", "'; DROP TABLE registration_link; --", "é", "x" * 5000]
)
def test_what_is_no_token_is_a_link_that_is_gone(place: Place, guess: str) -> None:
    """Nothing of it reaches the database but its digest."""
    assert _ready(place).get(f"/register/{guess}").status_code == 404


def test_a_link_is_used_once(place: Place) -> None:
    """The second time it neither lets anybody in nor changes what the first one made."""
    link, path = _link(place)
    _ready(place).post(path, ENTERED)

    again = _ready(place).post(path, ENTERED | {"company": "Evil GmbH", "email": "eve@evil.example"})

    assert again.status_code == 404
    with place.store.reading() as records:
        assert records.accounts.get(link.account_id).name == "New GmbH"
        assert records.users.by_email("eve@evil.example") is None


def test_an_expired_link_opens_nothing(place: Place) -> None:
    """To the second."""
    link, path = _link(place)
    place.clock[0] = link.expires_at - timedelta(seconds=1)
    assert _ready(place).get(path).status_code == 200

    place.clock[0] = link.expires_at

    assert _ready(place).get(path).status_code == 404
    assert _ready(place).post(path, ENTERED).status_code == 404
    assert _is_untouched(place, link)


def test_a_revoked_link_opens_nothing_also_for_a_code_that_is_under_way(place: Place) -> None:
    """Between the code and its entry it was taken back: that counts."""
    link, path = _link(place)
    browser = _ready(place)
    browser.post(path, ENTERED | {"email": "anna@other.example"})
    with place.store.transaction() as records:
        [code] = [mail.context["code"] for mail in records.outbox.select()]
        records.links.revoke(link.id, NOW)
    browser.get("/code")
    browser.post("/code", {"code": code})
    with place.store.reading() as records:
        [own] = [mail.context["code"] for mail in records.outbox.select() if mail.recipient != INVITED]

    browser.get("/code")
    answer = browser.post("/code", {"code": own})

    assert answer.status_code == 404
    assert _ready(place).get(path).status_code == 404
    assert _is_untouched(place, link)
    with place.store.reading() as records:
        assert records.users.by_email("anna@other.example") is None


def test_a_forwarded_link_lets_nobody_in_without_a_code_from_the_mailbox_it_was_sent_to(place: Place) -> None:
    """The code goes to that mailbox alone, and five wrong ones end the try."""
    link, path = _link(place)
    browser = _ready(place)

    answer = browser.post(path, ENTERED | {"email": "eve@evil.example"})

    assert answer.headers["location"] == "/code"
    with place.store.reading() as records:
        mails = records.outbox.select()
    assert [(mail.template, mail.recipient) for mail in mails] == [(MailTemplate.CODE, INVITED)]
    statuses = []
    for guess in range(5):
        browser.get("/code")
        statuses.append(browser.post("/code", {"code": f"{guess:08}"}).status_code)
    browser.get("/sign-in")
    right = browser.post("/code", {"code": mails[0].context["code"]})
    assert statuses == [400, 400, 400, 400, 404]
    assert right.status_code == 404
    assert _is_untouched(place, link)


def test_a_code_is_of_no_use_in_the_browser_of_somebody_else(place: Place) -> None:
    """Whoever talks the owner of the mailbox out of a code has to have begun it, too."""
    _, path = _link(place)
    begun, other = _ready(place), _ready(place)
    begun.post(path, ENTERED | {"email": "anna@other.example"})
    other.post("/register", ENTERED | {"email": "eve@evil.example"})
    with place.store.reading() as records:
        [code] = [mail.context["code"] for mail in records.outbox.select() if mail.recipient == INVITED]

    other.get("/code")

    assert other.post("/code", {"code": code}).status_code == 400


def test_a_scanner_that_opens_a_link_uses_nothing_up(place: Place) -> None:
    """GET and HEAD, as often as it likes: programs that look for viruses follow every link in a mail."""
    link, path = _link(place)
    scanner = place.browser(**{"user-agent": "scanner"})
    for _ in range(20):
        scanner.client.get(path)
        scanner.client.head(path)

    assert _is_untouched(place, link)
    assert _ready(place).post(path, ENTERED).status_code == 303


def test_a_form_of_another_site_redeems_nothing(place: Place) -> None:
    """A page that makes a visitor's browser send the form does not have its secret."""
    link, path = _link(place)

    assert place.browser().post(path, ENTERED).status_code == 403
    assert _is_untouched(place, link)


def test_fifty_who_redeem_a_link_at_once_are_one(place_on_each: Place) -> None:
    """One gets in and is the administrator, the others find it gone; there is one company and one administrator."""
    place = place_on_each
    link, path = _link(place)
    browsers = [_ready(place) for _ in range(50)]
    statuses: list[int] = []
    gate = threading.Barrier(50)

    def redeem(browser: Browser) -> None:
        gate.wait()
        statuses.append(browser.post(path, ENTERED).status_code)

    threads = [threading.Thread(target=redeem, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with place.store.reading() as records:
        members = records.memberships.of_account(link.account_id)
    assert statuses.count(303) == 1
    assert len(statuses) == 50
    assert [member.role for member in members] == [Role.ADMINISTRATOR]


def test_a_forged_host_field_is_in_no_link_and_in_no_redirect(place: Place) -> None:
    """Where a link leads is what the operator set; a visitor's word for our name counts nowhere."""
    link, path = _link(place)
    fields = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    browser = place.browser(**fields)
    page = browser.get(path)
    answer = browser.post(path, ENTERED | {"email": "anna@other.example"})
    with place.store.reading() as records:
        mails = records.outbox.select()

    assert "evil" not in page.text + str(page.headers) + str(answer.headers)
    assert answer.headers["location"] == "/code"
    assert "evil" not in str([mail.context for mail in mails])
    assert place.portal.tokens.url(link) == f"http://portal.test{path}"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/%0d%0aSet-Cookie:a=b\r\n",
        "javascript:1",
    ],
)
def test_signing_in_leads_to_pages_of_ours_only(place: Place, wanted: str) -> None:
    """Else our name in a link would vouch for somebody's page (open redirect)."""
    from portal import passwords  # noqa: PLC0415

    place.user(email=INVITED, password_hash=passwords.hashed(ENTERED["password"]))
    browser = _ready(place)

    answer = browser.post("/sign-in", ENTERED | {"next": wanted})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    signed_in = browser.client.get("/sign-in", params={"next": wanted})
    assert signed_in.headers["location"] == "/"


def test_a_link_that_is_tried_too_often_from_one_place_has_to_wait(place: Place) -> None:
    """A hundred tries of all doors together in a quarter of an hour."""
    browser = _ready(place)
    for _ in range(100):
        browser.client.get("/register/guessed")

    assert browser.client.get("/register/guessed").status_code == 429
    place.clock[0] += timedelta(minutes=16)
    assert browser.client.get("/register/guessed").status_code == 404


def test_the_database_alone_opens_nothing(place: Place) -> None:
    """It holds a token's digest; the token is made from a key that lies elsewhere."""
    link, path = _link(place)
    token = path.rpartition("/")[2]

    assert token_digest(token) == link.token_digest
    assert _ready(place).get(f"/register/{link.token_digest.hex()}").status_code == 404
    assert _ready(place).get(f"/register/{link.id}").status_code == 404
