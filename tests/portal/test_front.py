"""What holds for all pages: languages, forms, security fields, and what a visitor is told in trouble."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from portal.app import create_app
from portal.rendering import is_local
from portal.shield import MOST_BODY_OCTETS
from portal.visitors import preferred_language
from portal.wording import texts
from storage.errors import StorageUnavailable
from storage.records.people import Language
from tests.portal.browsers import Place


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-US,en;q=0.5,de;q=0.3", "en"),
        ("fr, de;q=0.2", "de"),
        ("en;q=0.1, de;q=0.9", "de"),
        ("de;q=zero, *", "en"),
        ("\x00,;;;q=", "en"),
    ],
)
def test_the_browser_says_which_language(asked: str, given: str) -> None:
    """RFC 9110 12.5.4: the weights count, then the order; what cannot be read is no wish."""
    assert preferred_language(asked) == Language(given)


def test_a_choice_of_language_is_kept(place: Place) -> None:
    """It counts more than what the browser asks for, on every page from then on."""
    browser = place.browser(**{"accept-language": "de"})
    before = browser.get("/").text

    chosen = browser.post("/language", {"language": "en", "path": "/?x=1"})

    assert '<html lang="de">' in before
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/?x=1")
    assert '<html lang="en">' in browser.get("/").text


def test_a_choice_of_language_is_also_the_users(place: Place) -> None:
    """Mails to that person are written in it."""
    user = place.user(place.company(), language=Language.ENGLISH)
    browser = place.signed_in(user)
    browser.get("/no-such-page")

    browser.post("/language", {"language": "de"})

    with place.store.reading() as records:
        assert records.users.get(user.id).language is Language.GERMAN


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/ok\r\nSet-Cookie: a=b",
        "evil",
        "",
        "/\tx",
    ],
)
def test_no_form_sends_a_browser_elsewhere(place: Place, path: str) -> None:
    """An open redirect would lend our name to somebody's page."""
    browser = place.browser()
    browser.get("/")

    answer = browser.post("/language", {"language": "de", "path": path})

    assert not is_local(path)
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("secret", ["", "0" * 64, "no"])
def test_a_form_without_the_pages_secret_is_refused(place: Place, secret: str) -> None:
    """Else any page on the web could make a signed-in browser act."""
    browser = place.browser()
    browser.get("/")

    answer = browser.post("/language", {"language": "de", "csrf": secret})

    assert answer.status_code == 403
    assert "language" not in browser.client.cookies


def test_the_secret_of_one_browser_is_of_no_use_in_another(place: Place) -> None:
    """It is bound to a cookie that only that browser has."""
    mine, theirs = place.browser(), place.browser()
    mine.get("/")
    theirs.get("/")

    assert theirs.post("/language", {"language": "de", "csrf": mine.secret}).status_code == 403


def test_a_form_that_another_site_sends_is_refused(place: Place) -> None:
    """Browsers say so (Fetch Metadata), whatever else comes along."""
    browser = place.browser()
    browser.get("/")

    answer = browser.post("/language", {"language": "de"}, headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403


def test_every_page_has_its_security_fields(place: Place) -> None:
    """Also those that tell of trouble."""
    for path in ("/", "/no-such-page", "/healthz"):
        fields = place.browser().get(path).headers

        assert "default-src 'none'" in fields["content-security-policy"]
        assert "unsafe" not in fields["content-security-policy"]
        assert fields["x-content-type-options"] == "nosniff"
        assert fields["x-frame-options"] == "DENY"
        assert fields["referrer-policy"] == "no-referrer"
        assert fields["cache-control"] == "no-store"


def test_cookies_are_for_https_only_where_the_portal_is(place: Place) -> None:
    """And never for scripts; the prefix __Host- keeps neighbours of the same domain from setting them."""
    from dataclasses import replace  # noqa: PLC0415

    secure = TestClient(
        create_app(replace(place.portal, base_url="https://portal.test")), base_url="https://portal.test"
    )

    [cookie] = secure.get("/").headers.get_list("set-cookie")

    assert cookie.startswith("__Host-visitor=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))


def test_a_portal_below_a_path_links_to_its_own_pages(place: Place) -> None:
    """Whether the proxy before it takes the path off or not."""
    from dataclasses import replace  # noqa: PLC0415

    client = TestClient(create_app(replace(place.portal, base_url="https://company.test/mailbox")))

    for path in ("/", "/mailbox/", "/mailbox"):
        answer = client.get(path)

        assert answer.status_code == 200
        assert 'href="/mailbox/static/portal.css' in answer.text


def test_the_host_field_is_never_used(place: Place) -> None:
    """It is the visitor's word; a link built from it would lead where somebody else wants."""
    answer = place.browser(host="evil.example").get("/")

    assert "evil" not in answer.text + str(answer.headers)


def test_a_database_that_is_away_is_told_in_plain_words(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """503 with when to come again, and nothing of the database's own words."""
    user = place.user(place.company())
    browser = place.signed_in(user)

    def away() -> Any:
        raise StorageUnavailable("secret database host")

    monkeypatch.setattr(place.store, "reading", away)
    with caplog.at_level(logging.CRITICAL), capture_logs() as logged:
        answer = browser.get("/")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    [line] = logged
    assert (line["event"], line["log_level"]) == ("portal-unavailable", "warning")
    assert line["error"] == "secret database host", "the cause in one line, and no trace of a bug"
    assert line["incident"] in answer.text
    assert "exc_info" not in line
    assert "New invoices are not lost" in answer.text
    assert "secret" not in answer.text
    assert browser.get("/healthz").status_code == 200
    assert browser.get("/readyz").status_code == 503


def test_a_bug_is_told_with_an_incident_and_no_trace(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The visitor can name it, the operator finds it in the log."""
    monkeypatch.setattr("portal.pages.front.page", lambda *_, **__: 1 / 0)

    answer = place.browser().get("/")

    assert answer.status_code == 500
    assert re.search(r"<code>[0-9a-f]{8}</code>", answer.text)
    assert "Traceback" not in answer.text
    assert "Zero" not in answer.text


def test_what_is_too_large_is_refused_before_it_is_read(place: Place) -> None:
    """No form of ours is that large."""
    browser = place.browser()
    browser.get("/")

    answer = browser.post("/language", {"language": "de", "path": "x" * (MOST_BODY_OCTETS + 1)})

    assert answer.status_code == 413


def test_every_text_is_there_in_both_languages() -> None:
    """With the same places to fill."""
    for key, both in texts().items():
        assert set(both) == {str(one) for one in Language}, key
        places = [sorted(re.findall(r"\{(\w+)", text)) for text in both.values()]
        assert places[0] == places[1], key


def test_every_text_that_a_template_names_is_there() -> None:
    """A missing one would be a 500 on the day it is shown."""
    from importlib.resources import files  # noqa: PLC0415

    named = {
        key
        for file in files("portal").joinpath("templates").iterdir()
        if file.name.endswith(".html")
        for key in re.findall(r"""\bt\(\s*["']([a-z_.]+)["']\s*[,)]""", file.read_text(encoding="utf-8"))
    }

    assert named - set(texts()) == set()
