"""A mailbox with its portal, a post office, and people with browsers of their own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from fixtures.expectation import Case, cases
from fixtures.mailbox import Mailbox
from tests.post_office import PostOffice, post_office

PASSWORD = "correct horse battery"
_SHOTS = os.environ.get("SCREENSHOTS")  # a folder that whoever wants to look names
WIDTHS = (1280, 390)  # CSS pixels: a desk, a telephone
# Language and width of a page: whoever looks sees each with each, else each comes up once.
VIEWS = (
    [(language, width) for language in ("de", "en") for width in WIDTHS]
    if _SHOTS
    else [("de", 1280), ("en", 390)]
)


@dataclass
class Town:
    """Everything that runs."""

    mailbox: Mailbox
    office: PostOffice
    browser: Browser
    address: str  # of the portal

    def person(self, language: str = "en", width: int = 1280) -> Page:
        """A browser without any cookie."""
        context = self.browser.new_context(
            locale=language, viewport={"width": width, "height": 900}, timezone_id="Europe/Berlin"
        )
        context.set_default_timeout(20_000)
        return context.new_page()

    def send(self, case: Case, to: str) -> str:
        """A sample mail, over SMTP, to this address; its id."""
        return self.mailbox.send(case.octets, [to], case.reverse_path)


def sample(name: str) -> Case:
    """A sample of fixtures/mail."""
    [found] = [case for case in cases() if case.name == name]
    return found


@contextmanager
def town(folder: Path, browser: Browser, *, host: str = "127.0.0.1", **settings: str) -> Iterator[Town]:
    """Starts everything, and ends it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        address, url = f"127.0.0.1:{port}", f"http://{host}:{port}"
    with post_office() as office:
        wanted = {
            "PORTAL__LISTEN": address,
            "REGISTRATION__BASE_URL": url,
            "OUTBOUND__SMARTHOST": office.address,
            "OUTBOUND__MAIL_FROM": "postfach@mailbox.example",
            "OUTBOUND__MODE": "link",
            **settings,
        }
        with Mailbox(folder, wanted).serving() as mailbox:
            yield Town(mailbox, office, browser, url)


def submit(page: Page, button: str = "main button[type=submit]") -> None:
    """Presses a button that leads to another page, and waits for it: the old page can vanish under who looks at it."""
    with page.expect_navigation():
        page.locator(button).click()


def look(page: Page, name: str) -> None:
    """Checks a page as it stands for what shuts people out (WCAG, by axe), and keeps a picture where one is wanted."""
    found = Axe().run(page)
    faults = [
        f"{one['id']} ({one['impact']}): {one['help']}: {[node['html'] for node in one['nodes']][:3]}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert faults == [], f"{name}: {faults}"
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, f"{name} is {width} px wider than the screen"
    if _SHOTS:
        Path(_SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(_SHOTS, f"{name}.png"), full_page=True)
