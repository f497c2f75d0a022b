"""Every page of the doors in both languages, on a desk and on a telephone: nobody is shut out, nothing sticks out."""

from __future__ import annotations

import time
from base64 import b32decode

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Page

from tests.browser.place import PASSWORD, VIEWS, Town, look, sample, submit
from tests.post_office import code_in, link_in

INVITED = sample("unknown-recipient")


@pytest.mark.parametrize(("language", "width"), VIEWS)
def test_no_page_shuts_anybody_out(place: Town, language: str, width: int) -> None:
    """By axe, with the faults of forms shown, too; no page is wider than the screen."""
    page = place.person(language, width)
    shot = f"{language}-{width}"
    recipient = INVITED.forward_paths[0]
    place.send(INVITED, recipient)
    link = link_in(place.office.wait_for(recipient))

    for path in ("", "/sign-in", "/password", "/register", "/register/gone", "/code"):
        page.goto(f"{place.address}{path}")
        look(page, f"{path.strip('/').replace('/', '-') or 'front'}-{shot}")
    _wrong_sign_in(page, place)
    look(page, f"sign-in-wrong-{shot}")
    _faulty_registration(page, place)
    look(page, f"register-faults-{shot}")
    page.goto(link)
    look(page, f"link-{shot}")
    _register(page, place)
    look(page, f"code-asked-{shot}")
    page.locator("#code").fill("00000000")
    submit(page)
    look(page, f"code-wrong-{shot}")
    page.locator("#code").fill(code_in(place.office.wait_for("anna@neu.example")))
    submit(page)
    _others(place)
    for path, name in (("/account", "account"), ("/join", "join"), ("/waiting", "waiting-none")):
        page.goto(f"{place.address}{path}")
        look(page, f"{name}-{shot}")
    _second_factor(page, place, shot)
    page.goto(f"{place.address}/companies")
    company = page.url.split("/")[4]
    page.goto(f"{place.address}/companies/{company}/members")
    page.locator("#file").set_input_files(
        {
            "name": "people.csv",
            "mimeType": "text/csv",
            "buffer": b"carla.with.a.rather.long.address@neu.example;de;administrator\nnobody;de",
        }
    )
    submit(page, "form[enctype] button[type=submit]")
    look(page, f"members-{shot}")
    page.goto(f"{place.address}/join")
    page.locator("#company").fill("Andere AG")
    submit(page)
    page.goto(f"{place.address}/waiting")
    look(page, f"waiting-{shot}")


def _second_factor(page: Page, place: Town, shot: str) -> None:
    """Connects an app that was typed in by hand, and signs in with what it shows next."""
    page.goto(f"{place.address}/account/second-factor")
    look(page, f"second-factor-set-up-{shot}")
    app = TOTP(b32decode(page.locator("code.secret").inner_text()), 6, SHA1(), 30)  # noqa: S303  -- what apps know
    now = int(time.time())
    page.locator("#code").fill(app.generate(now).decode())
    page.locator("#password").fill(PASSWORD)
    submit(page)
    look(page, f"recovery-codes-{shot}")
    page.goto(f"{place.address}/account")
    look(page, f"account-protected-{shot}")
    submit(page, "form[action$='/sign-out'] button")
    page.goto(f"{place.address}/sign-in")
    page.locator("#email").fill("anna@neu.example")
    page.locator("#password").fill(PASSWORD)
    submit(page)
    look(page, f"second-factor-{shot}")
    page.locator("#code").fill("000000")
    submit(page)
    look(page, f"second-factor-wrong-{shot}")
    page.locator("#code").fill(app.generate(now + 30).decode())
    submit(page)


def _wrong_sign_in(page: Page, place: Town) -> None:
    page.goto(f"{place.address}/sign-in")
    page.locator("#email").fill("nobody@neu.example")
    page.locator("#password").fill("wrong password")
    submit(page)


def _faulty_registration(page: Page, place: Town) -> None:
    page.goto(f"{place.address}/register")
    for field, text in (("email", "a@b"), ("name", "Anna"), ("company", "!!!"), ("password", "short")):
        page.locator(f"#{field}").fill(text)
    submit(page)


def _register(page: Page, place: Town) -> None:
    page.goto(f"{place.address}/register")
    for field, text in (
        ("email", "anna@neu.example"),
        ("name", "Anna Muster"),
        ("company", "Neu Maschinenbau GmbH & Co. KG"),
        ("password", PASSWORD),
    ):
        page.locator(f"#{field}").fill(text)
    submit(page)


def _others(place: Town) -> None:
    """Somebody waits for Anna's company; another company is there that Anna may ask."""
    ben = place.person("de")
    for email, company in (
        ("ben@neu.example", "Neu Maschinenbau GmbH & Co. KG"),
        ("carl@andere.example", "Andere AG"),
    ):
        ben.context.clear_cookies()
        ben.goto(f"{place.address}/register")
        for field, text in (("email", email), ("name", "Ben"), ("company", company), ("password", PASSWORD)):
            ben.locator(f"#{field}").fill(text)
        submit(ben)
        ben.locator("#code").fill(code_in(place.office.wait_for(email)))
        submit(ben)
