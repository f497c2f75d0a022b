"""A passkey in Chromium: made on the account page, used at the door; with an authenticator that Chromium plays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.place import PASSWORD, WIDTHS, Town, look, submit, town
from tests.post_office import code_in

ANNA = "anna@neu.example"


def _registered(place: Town, page: Page) -> None:
    page.goto(f"{place.address}/register")
    for field, entered in (
        ("email", ANNA),
        ("name", "Anna"),
        ("company", "Neu GmbH"),
        ("password", PASSWORD),
    ):
        page.locator(f"#{field}").fill(entered)
    submit(page)
    page.locator("#code").fill(code_in(place.office.wait_for(ANNA)))
    submit(page)


def _looked_at(place: Town, page: Page, name: str, lead: Callable[[], None]) -> None:
    """In both languages and widths; `lead` leads to the page. English and the desk come last, and stay."""
    for language in ("de", "en"):
        page.context.add_cookies([{"name": "language", "value": language, "url": place.address}])
        lead()
        for width in reversed(WIDTHS):
            page.set_viewport_size({"width": width, "height": 900})
            look(page, f"{name}-{language}-{width}")


def test_somebody_signs_in_by_a_passkey(tmp_path: Path, chromium: Browser) -> None:
    """Under the policy of the pages; the password alone then leads to the second step, where it counts, too."""
    with town(tmp_path, chromium, host="localhost") as place:
        page = place.person()
        devices = page.context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        device = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
        device |= {"hasUserVerification": True, "isUserVerified": True}
        added = devices.send("WebAuthn.addVirtualAuthenticator", {"options": device})
        device_id = added["authenticatorId"]
        _registered(place, page)

        def ask() -> None:
            page.goto(f"{place.address}/account")
            page.locator("#passkey-name").fill("Telefon")
            page.locator("#passkey-password").fill(PASSWORD)
            submit(page, "form[action$='/account/passkeys/ask'] button")

        def door() -> None:
            page.goto(f"{place.address}/sign-in")
            submit(page, "form[action$='/passkey'] button")

        _looked_at(place, page, "passkey-add", ask)
        submit(page)
        codes = page.locator(".recovery-codes li").count()
        _looked_at(place, page, "account-passkey", lambda: page.goto(f"{place.address}/account") and None)
        submit(page, "form[action$='/sign-out'] button")
        _looked_at(place, page, "passkey", door)
        expect(page.locator("#passkey-trouble")).to_be_hidden()
        devices.send("WebAuthn.setUserVerified", {"authenticatorId": device_id, "isUserVerified": False})
        page.locator("main button[type=submit]").click()
        expect(page.locator("#passkey-trouble")).to_be_visible()
        devices.send("WebAuthn.setUserVerified", {"authenticatorId": device_id, "isUserVerified": True})
        submit(page)
        by_passkey = page.locator("a.person").inner_text()
        submit(page, "form[action$='/sign-out'] button")
        page.goto(f"{place.address}/sign-in")
        page.locator("#email").fill(ANNA)
        page.locator("#password").fill(PASSWORD)
        submit(page, "form[action$='/sign-in'] button")
        second_step = page.url
        submit(page, "form[action$='/passkey'] button")
        submit(page)
        by_both = page.locator("a.person").inner_text()

    assert (codes, by_passkey, by_both) == (10, "Anna", "Anna")
    assert second_step.endswith("/second-factor")
