"""The pages of daily use in both languages and widths: nobody is shut out, and the keyboard alone is enough."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage.ids import new_id
from storage.records.people import Language, Membership, MembershipState, Role, User
from storage.store import Store
from tests import making
from tests.browser.place import VIEWS, Town, look, sample, submit

ADDRESS = "rechnung@musterwerk.example"
SAMPLES = (
    *("xrechnung-cii", "hybrid-factur-x-en-16931", "plain-pdf", "test-by-header"),
    *("same-invoice-in-another-mail", "good-invoice-beside-broken-document"),
)


def _desk(place: Town, folder: Path, language: str, width: int) -> tuple[Page, str]:
    """Somebody signed in at a company that got the samples, and the address of its invoices."""
    company = making.account(name="Musterwerk Anlagenbau GmbH & Co. KG", addresses=(ADDRESS,))
    now = datetime.now(UTC)
    user = User(
        id=new_id(),
        email="erika.mustermann@musterwerk.example",
        name="Erika Mustermann",
        language=Language(language),
        password_hash=None,
        created_at=now,
        confirmed_at=now,
    )
    store = Store.open(f"sqlite:///{folder / 'invoices.db'}")
    with store.transaction() as records:
        records.accounts.add(company)
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
        token = records.sessions.begin(user.id, now)
    store.close()
    place.mailbox.wait_until_filed({place.send(sample(name), ADDRESS) for name in SAMPLES})
    page = place.person(language, width)
    page.context.add_cookies([{"name": "session", "value": token, "url": place.address}])
    return page, f"{place.address}/companies/{company.id}"


@pytest.mark.parametrize(("language", "width"), VIEWS)
def test_no_page_of_daily_use_shuts_anybody_out(
    place: Town, tmp_path: Path, language: str, width: int
) -> None:
    """By axe; no page is wider than the screen, whatever an invoice says."""
    page, own = _desk(place, tmp_path, language, width)
    shot = f"{language}-{width}"

    page.goto(f"{own}/invoices")
    look(page, f"inbox-{shot}")
    links = page.locator("td.invoice-number a").evaluate_all("all => all.map(one => one.href)")
    page.goto(f"{own}/invoices?environment=test&q=a&min=1")
    look(page, f"inbox-filtered-{shot}")
    page.goto(f"{own}/invoices?q=nothingofthekind")
    look(page, f"inbox-nothing-{shot}")
    for number, link in enumerate(links):
        page.goto(link)
        look(page, f"invoice-{number}-{shot}")
    page.goto(f"{own}/company")
    page.locator("#token-name").fill("ERP")
    submit(page, ".token-form button")
    look(page, f"company-{shot}")
    page.goto(f"{own}/webhooks")
    look(page, f"webhooks-{shot}")
    page.locator("#url").fill("https://erp.musterwerk.example/a-rather-long-address/of-invoices/that-come-in")
    submit(page, "main form .action.main")
    look(page, f"webhook-made-{shot}")
    submit(page, "form[action$='/test'] button")
    look(page, f"webhook-{shot}")
    page.goto(f"{own}/nothing")
    look(page, f"missing-{shot}")

    assert len(links) == len(SAMPLES)


def test_the_keyboard_alone_is_enough(place: Town, tmp_path: Path) -> None:
    """From the list to an invoice, done, noted, and back; what has the focus can be seen."""
    page, own = _desk(place, tmp_path, "en", 1280)

    page.goto(f"{own}/invoices?sort=amount")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    _tab_to(page, "td.invoice-number a")
    outline = page.evaluate("getComputedStyle(document.activeElement, '::after').outlineStyle")
    page.keyboard.press("Enter")
    page.wait_for_url("**/invoices/*")
    _tab_to(page, "form[action$='/done'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.good")).to_contain_text("Marked as done")
    _tab_to(page, "#note")
    page.keyboard.type("Paid on Friday")
    _tab_to(page, "form[action$='/note'] button")
    page.keyboard.press("Enter")

    expect(page.locator("#note")).to_have_value("Paid on Friday")
    assert outline == "solid"


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("one => document.activeElement?.matches(one) ?? false", selector):
            return
    raise AssertionError(f"the keyboard does not come to {selector}")


def test_a_browser_without_scripts_can_do_everything(place: Town, tmp_path: Path) -> None:
    """The policy forbids scripts, so nothing may need one: choosing several, filtering, changing the language."""
    page, own = _desk(place, tmp_path, "en", 1280)
    offences: list[str] = []
    page.on("console", lambda message: offences.append(message.text) if message.type == "error" else None)

    page.goto(f"{own}/invoices")
    page.locator("tbody input[type=checkbox]").nth(0).check()
    page.locator("tbody input[type=checkbox]").nth(1).check()
    submit(page, "button[value=done]")
    with page.expect_navigation():
        page.locator("nav.tabs a", has_text="Done").click()
    done = page.locator("tbody tr").count()
    with page.expect_download() as download:
        page.locator("tbody input[type=checkbox]").nth(0).check()
        page.locator("button[formaction$='/zip']").click()
    page.goto(f"{own}/invoices?state=done")
    submit(page, ".languages button[value=de]")

    assert done == 2
    assert download.value.suggested_filename.endswith(".zip")
    expect(page.locator("h1")).to_have_text("Rechnungen")
    assert page.url.endswith("state=done")
    assert [one for one in offences if "Content Security Policy" in one] == []
