"""What a company decides, in both languages and widths, by axe; two people release an invoice that is held."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, expect

from fixtures.mailbox import patiently
from storage.companies.account_keys import KeyKind
from storage.decisions import claims
from storage.ids import new_id
from storage.records.companies import SecondLook
from storage.records.partners import SenderWarning
from storage.records.people import Language, Membership, MembershipState, Role, User
from storage.store import Store
from tests import making
from tests.browser.place import VIEWS, Town, look, sample, submit

ADDRESS = "rechnung@musterwerk.example"
WARNING = SenderWarning(
    code="bank-account-differs",
    text="Payment is asked for to DE02500105170137075030; until now it was DE72000000000000001001.",
    evidence={"account": "DE02500105170137075030", "known_accounts": "DE72000000000000001001"},
)


def _company(place: Town, folder: Path) -> tuple[str, str, list[str]]:
    """A company of two people with an invoice that waits for both, and open claims: ids of both, and two sessions."""
    now = datetime.now(UTC)
    company = making.account(name="Musterwerk Anlagenbau GmbH & Co. KG", addresses=(ADDRESS,))
    users = [
        User(
            id=new_id(),
            email=f"{name}.mustermann@musterwerk.example",
            name=f"{name.title()} Mustermann",
            language=Language.GERMAN,
            password_hash=None,
            created_at=now,
            confirmed_at=now,
        )
        for name in ("erika", "max")
    ]
    store = Store.open(f"sqlite:///{folder / 'invoices.db'}")
    with store.transaction() as records:
        records.accounts.add(company)
        for user in users:
            records.users.add(user)
            records.memberships.put(
                Membership(
                    account_id=company.id,
                    user_id=user.id,
                    role=Role.ADMINISTRATOR,
                    state=MembershipState.ACTIVE,
                    created_at=now,
                )
            )
        tokens = [records.sessions.begin(user.id, now) for user in users]
    mail_id = place.send(sample("xrechnung-cii"), ADDRESS)
    place.mailbox.wait_until_filed({mail_id})
    for _ in patiently(
        "the sender is not checked"
    ):  # what that finds out would take the place of what is said here
        with store.reading() as records:
            if not records.sender_checks.pending([mail_id]):
                break
    with store.transaction() as records:
        [invoice] = records.invoices.of_mails([mail_id])
        records.second_looks.put(invoice, SecondLook.WAITING)
        records.warnings.replace([(invoice, [WARNING])], at=now)
        for kind, shown in (
            (KeyKind.ADDRESS, "buchhaltung@musterwerk-anlagenbau.example"),
            (KeyKind.DOMAIN, "musterwerk-anlagenbau.example"),
            (KeyKind.VAT_ID, "DE666666660"),
        ):
            key = claims.claimed_key(kind, shown)
            claims.begin(records, company, key, shown, None, actor=f"user {users[0].email}", at=now)
    store.close()
    return company.id, invoice.id, tokens


def _signed_in(place: Town, token: str, language: str, width: int) -> Page:
    page = place.person(language, width)
    for name, value in (("session", token), ("language", language)):
        page.context.add_cookies([{"name": name, "value": value, "url": place.address}])
    return page


def test_no_page_of_a_companys_decisions_shuts_anybody_out(place: Town, tmp_path: Path) -> None:
    """No page is wider than the screen. Then one person approves, and the other one releases."""
    company_id, invoice_id, tokens = _company(place, tmp_path)
    own = f"{place.address}/companies/{company_id}"

    for language, width in VIEWS:
        page = _signed_in(place, tokens[0], language, width)
        for path, name in (
            ("/invoices?state=held", "inbox-held"),
            (f"/invoices/{invoice_id}", "invoice-held"),
            ("/company", "company-policy"),
            ("/claims", "claims"),
            ("/leave", "leave"),
        ):
            page.goto(f"{own}{path}")
            look(page, f"{name}-{language}-{width}")
        page.context.close()

    _keyboard_alone(_signed_in(place, tokens[0], "en", 1280), own)
    erika, max_ = (_signed_in(place, token, "en", 1280) for token in tokens)
    erika.goto(f"{own}/invoices/{invoice_id}")
    submit(erika, "form[action$='/approve'] button")
    look(erika, "invoice-approved")
    max_.goto(f"{own}/invoices/{invoice_id}")
    expect(max_.locator(".look")).to_contain_text("Erika Mustermann found it right")
    max_.locator("#look-reason").fill("The supplier knows nothing of it")
    submit(max_, "form[action$='/reject'] button")
    look(max_, "invoice-rejected")
    submit(max_, "form[action$='/reopen'] button")
    submit(max_, "form[action$='/approve'] button")
    erika.reload()
    submit(erika, "form[action$='/approve'] button")

    expect(erika.locator(".notice.good").first).to_contain_text("Released.")
    expect(erika.locator(".look")).to_have_count(0)


def _keyboard_alone(page: Page, own: str) -> None:
    """An address is claimed, a webhook entered, tried and removed, leaving thought over."""
    page.goto(f"{own}/claims")
    _tab_to(page, "#value")
    page.keyboard.type("einkauf@musterwerk.example")
    _press(page, "form[action$='/claims'] button")
    expect(page.locator("main")).to_contain_text("einkauf@musterwerk.example")
    page.goto(f"{own}/webhooks")
    _tab_to(page, "#url")
    page.keyboard.type("https://erp.musterwerk.example/invoices")
    _press(page, "form[action$='/webhooks'] button")
    expect(page.locator("code.secret")).to_be_visible()
    _press(page, "form[action$='/test'] button")
    _press(page, "form[action$='/remove'] button")
    expect(page.locator("#registered")).to_have_count(0)
    page.goto(f"{own}/leave")
    _press(page, "main a")
    page.context.close()


def _press(page: Page, selector: str) -> None:
    """Comes to it by the tabulator, and presses it."""
    _tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("one => document.activeElement?.matches(one) ?? false", selector):
            return
    raise AssertionError(f"the keyboard does not come to {selector}")
