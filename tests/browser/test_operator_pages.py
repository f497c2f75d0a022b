"""The operator's pages in both languages and widths, by axe; a mail leaves the quarantine by keyboard alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, expect

from storage.companies.account_keys import KeyKind
from storage.decisions import claims, operators
from storage.ids import new_id
from storage.records.invoices import Environment
from storage.records.outgoing import MailTemplate, OutboundState
from storage.records.partners import PartnerTrait, TraitKind
from storage.records.people import Language, User
from storage.store import Store
from tests import making
from tests.browser.place import VIEWS, Town, look, sample

CONTESTED = sample("match-by-buyer-vat-identifier")


def _operator(folder: Path) -> tuple[str, str]:
    """What an operator finds: a partner being connected, mails of ours that wait; the token and the partner's id."""
    now = datetime.now(UTC)
    user = User(
        id=new_id(),
        email="olga.betrieb@mailbox.example",
        name="Olga Betrieb",
        language=Language.GERMAN,
        password_hash=None,
        created_at=now,
        confirmed_at=now,
    )
    company = making.account(name="Holzbau Lindner GmbH & Co. KG", addresses=("post@lindner.example",))
    partner = making.partner(
        name="Schrauben- und Beschlägehandel Westfalen GmbH",
        domains=("schrauben-und-beschlaege-westfalen.example", "swb.example"),
        vat_ids=("DE123456788",),
        environment=Environment.TEST,
        first_seen=now,
    )
    store = Store.open(f"sqlite:///{folder / 'invoices.db'}")
    with store.transaction() as records:
        records.accounts.add(company)
        records.users.add(user)
        operators.add(records, user, actor="operator root", at=now)
        records.partners.add(partner, at=now)
        for value, accepted in (("DE72000000000000001001", True), ("DE50000000000000002002", False)):
            trait = PartnerTrait(
                kind=TraitKind.BANK_ACCOUNT, value=value, accepted=accepted, first_seen=now, last_seen=now
            )
            records.partners.note(partner.id, trait)
        records.outbox.add(
            [
                making.outbound(
                    template=MailTemplate.INVOICE,
                    account_id=company.id,
                    state=state,
                    recipient=f"{state}.buchhaltung@lindner.example",
                    created_at=now,
                )
                for state in (OutboundState.HELD, OutboundState.FAILED)
            ]
        )
        key = claims.claimed_key(KeyKind.VAT_ID, "DE666666660")
        claims.begin(records, company, key, "DE 666 666 660", None, actor="user a@lindner.example", at=now)
        token = records.sessions.begin(user.id, now)
    store.close()
    return token, partner.id


def _desk(place: Town, token: str, language: str, width: int) -> Page:
    page = place.person(language, width)
    page.context.add_cookies([{"name": "session", "value": token, "url": place.address}])
    page.context.add_cookies([{"name": "language", "value": language, "url": place.address}])
    return page


def test_no_operators_page_shuts_anybody_out(place: Town, tmp_path: Path) -> None:
    """By axe; no page is wider than the screen. Then a mail is filed under a company with the keyboard alone."""
    token, partner_id = _operator(tmp_path)
    mail_id = place.send(CONTESTED, "postmaster")
    place.mailbox.wait_until_filed({mail_id})

    for language, width in VIEWS:
        page = _desk(place, token, language, width)
        for path, name in (
            ("", "queue"),
            ("/quarantine", "quarantine"),
            (f"/quarantine/{mail_id}?read=true&account=lindner", "mail"),
            ("/withheld", "withheld"),
            ("/claims", "claims"),
            ("/partners", "partners"),
            (f"/partners/{partner_id}", "partner"),
            ("/outgoing", "outgoing"),
            ("/acts", "acts"),
        ):
            page.goto(f"{place.address}/operator{path}")
            look(page, f"operator-{name}-{language}-{width}")
        page.context.close()

    page = _desk(place, token, "en", 1280)
    page.goto(f"{place.address}/operator/quarantine")
    _tab_to(page, "tbody th a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/quarantine/*")
    _tab_to(page, "#account")
    page.keyboard.type("Lindner")
    page.keyboard.press("Enter")
    page.wait_for_url("**account=Lindner*")
    _tab_to(page, "input[name=account][type=radio]")
    _tab_to(page, "#remember")
    page.keyboard.press("Space")
    _tab_to(page, "form[action$='/assign'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.good").first).to_contain_text("Decided")
    place.mailbox.wait_until_filed({mail_id})
    page.reload()

    expect(page.locator("main")).to_contain_text("Filed under: Holzbau Lindner GmbH & Co. KG")


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("one => document.activeElement?.matches(one) ?? false", selector):
            return
    raise AssertionError(f"the keyboard does not come to {selector}")
