"""Each of the three ways in, from a mail over SMTP to the invoice on the screen."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.place import PASSWORD, Town, look, sample
from tests.post_office import code_in, link_in, text_of

INVITED = sample("unknown-recipient")
ANNA, BEN = "anna@neu.example", "ben@neu.example"


def _fill(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.locator(f"#{name}").fill(text)


def _register(place: Town, page: Page, email: str, company: str) -> None:
    page.goto(f"{place.address}/register")
    _fill(page, email=email, name=email.partition("@")[0].title(), company=company, password=PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.locator("#code").fill(code_in(place.office.wait_for(email)))
    page.get_by_role("button", name="Confirm").click()


def _sees_invoice(page: Page, number: str) -> None:
    """The invoice is in the list, and its page says until when it is kept."""
    page.get_by_role("link", name=re.compile(re.escape(number))).first.click()
    expect(page.locator("main")).to_contain_text(number)


def _number(place: Town) -> str:
    [invoice] = place.mailbox.run("list")
    return str(invoice["invoice_number"])


def test_by_the_link_in_the_mail_about_an_invoice(place: Town) -> None:
    """An invited company registers by its link; every invoice since the invitation is there."""
    recipient = INVITED.forward_paths[0]
    place.send(INVITED, recipient)
    link = link_in(place.office.wait_for(recipient))
    page = place.person()

    page.goto(link)
    _fill(page, email=recipient, name="Anna", company="Neu GmbH", password=PASSWORD)
    page.get_by_role("button", name="Register").click()

    expect(page.locator("main")).to_contain_text("Welcome")
    _sees_invoice(page, _number(place))
    page.goto(link)
    expect(page.locator("h1")).to_have_text("This link does not work any more")


def test_by_a_forwarded_link_and_two_codes(place: Town) -> None:
    """Whoever the link was forwarded to is let in by a code from its mailbox and one from their own."""
    recipient = INVITED.forward_paths[0]
    place.send(INVITED, recipient)
    page = place.person()
    page.goto(link_in(place.office.wait_for(recipient)))

    _fill(page, email=BEN, name="Ben", company="Neu GmbH", password=PASSWORD)
    page.get_by_role("button", name="Register").click()
    page.locator("#code").fill(code_in(place.office.wait_for(recipient, 2)))
    page.get_by_role("button", name="Confirm").click()
    page.locator("#code").fill(code_in(place.office.wait_for(BEN)))
    page.get_by_role("button", name="Confirm").click()

    expect(page.locator("main")).to_contain_text("Welcome")
    _sees_invoice(page, _number(place))


def test_by_registering_oneself_and_a_second_person_by_asking(place: Town) -> None:
    """The first is the administrator, is told of the second by mail, and lets them in."""
    anna, ben = place.person(), place.person()
    _register(place, anna, ANNA, "Neu GmbH")
    expect(anna.locator("main")).to_contain_text("Welcome")
    place.send(INVITED, ANNA)
    notice = place.office.wait_for(ANNA, 2)
    found = re.search(rf"{re.escape(place.address)}/invoices/\S+", text_of(notice))
    assert found

    anna.goto(found[0])
    expect(anna.locator("main")).to_contain_text(_number(place))
    _register(place, ben, BEN, "NEU Gesellschaft mit beschränkter Haftung")
    expect(ben.locator("h1")).to_have_text("Your requests")
    ben.goto(found[0])
    expect(ben.locator("h1")).to_have_text("There is nothing here")
    request = place.office.wait_for(ANNA, 3)
    members = re.search(rf"{re.escape(place.address)}/companies/\S+/members", text_of(request))
    assert members
    anna.goto(members[0])
    anna.get_by_role("button", name=re.compile("Confirm")).click()
    assert place.office.wait_for(BEN, 2)["Subject"] == "You now belong to Neu GmbH"
    ben.goto(found[0])
    expect(ben.locator("main")).to_contain_text(_number(place))


def test_by_invitation(place: Town) -> None:
    """Active at once: the guest chooses a password and sees the invoices that are there."""
    anna, ben = place.person(), place.person()
    _register(place, anna, ANNA, "Neu GmbH")
    place.send(INVITED, ANNA)
    place.office.wait_for(ANNA, 2)
    anna.goto(f"{place.address}/companies")
    anna.get_by_role("link", name="Members").click()
    _fill(anna, email=BEN)
    anna.locator("#language").select_option("en")
    anna.get_by_role("button", name="Send invitation", exact=True).click()
    expect(anna.get_by_role("status")).to_contain_text("The invitation is on its way.")

    invitation = place.office.wait_for(BEN)
    ben.goto(link_in(invitation))
    _fill(ben, email=BEN, name="Ben", password=PASSWORD)
    ben.get_by_role("button", name="Accept the invitation").click()

    assert invitation["Subject"] == "Invitation to the invoice mailbox of Neu GmbH"
    expect(ben.locator("main")).to_contain_text("Welcome")
    _sees_invoice(ben, _number(place))


def test_the_keyboard_alone_is_enough(place: Town) -> None:
    """From the front page through the registration to the inbox, by Tab, typing and Enter; and no script runs."""
    page = place.person()
    page.goto(place.address)

    def tab_to(name: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            focused = page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
            if focused == name:
                return
        raise AssertionError(f"Tab does not come to {name}")

    tab_to("Register a company")
    page.keyboard.press("Enter")
    page.wait_for_url("**/register")
    for field, text in (("email", ANNA), ("name", "Anna"), ("company", "Neu GmbH"), ("password", PASSWORD)):
        tab_to(field)
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url("**/code")
    tab_to("code")
    page.keyboard.type(code_in(place.office.wait_for(ANNA)))
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_contain_text("Welcome")
    assert page.evaluate("document.scripts.length") == 0
    look(page, "keyboard-inbox")
