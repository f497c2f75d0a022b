"""The main job of a mailbox as strangers see it: mails in, invoices found, shown, told of, and deleted at last.

It knows its addresses only, so the programs may run in whatever they are locked into.
"""

from __future__ import annotations

import io
import re
import smtplib
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Mapping, Sequence
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from fixtures.demo import judged, send_case
from fixtures.expectation import Case, account_arguments, cases, partner_arguments, registered
from fixtures.mailbox import Mailbox, patiently
from tests.post_office import PostOffice, link_in
from tests.program import Program

FEW = (
    "hybrid-factur-x-en-16931",
    "xrechnung-ubl",
    "plain-pdf",
    "test-by-header",
    "broken-xml",
    "unknown-recipient",
)
INVITED, NUMBER = "unknown-recipient", b"LN-2026-6001"
PASSWORD = "a long and good secret"
_LARGE = 8_000_000  # octets; goes through the spool


class Browser:
    """A browser with cookies, that sends each form with the hidden fields of the page before."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._hidden: dict[str, str] = {}
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str, **fields: str) -> bytes:
        """What is answered to GET."""
        return self._asked(path, headers=fields)

    def post(self, path: str, **entered: Any) -> bytes:
        """The page that follows on a form."""
        form = urllib.parse.urlencode(self._hidden | entered, doseq=True).encode()
        return self._asked(path, form, {"Origin": self.url})

    def _asked(self, path: str, form: bytes | None = None, headers: Mapping[str, str] = {}) -> bytes:
        request = urllib.request.Request(self.url + path, form, dict(headers))  # noqa: S310  -- ours, on loopback
        with self._opener.open(request, timeout=60) as answer:
            octets: bytes = answer.read()
            if answer.headers.get_content_type() == "text/html":
                found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', octets.decode())
                self._hidden = dict(found) or self._hidden
            return octets


def samples(names: Sequence[str] = ()) -> list[Case]:
    """These samples, or all."""
    return [case for case in cases() if not names or case.name in names]


def takes_and_files(mailbox: Mailbox, sent_cases: list[Case]) -> None:
    """Every sample comes out as its fixture says."""
    known, wanted = (
        registered(),
        {one["account"] for case in sent_cases for one in case.expected.get("invoices", [])},
    )
    for account in known["account"]:
        if account["name"] in wanted:
            mailbox.run(*account_arguments(account))
    for partner in known["partner"] if len(sent_cases) > len(FEW) else []:  # the few do without
        for command in partner_arguments(partner):
            mailbox.run(*command)
    sent = {case.name: send_case(mailbox, case) for case in sent_cases}
    mailbox.wait_until_filed(set(sent.values()))

    faults = [
        f"{row.case.name}: {fault}" for row in judged(mailbox, sent_cases, sent) for fault in row.faults
    ]
    assert faults == [], "\n".join(faults)


def takes_a_large_mail_under_tls(mailbox: Mailbox) -> None:
    """STARTTLS, and more octets than a session keeps in memory."""
    with smtplib.SMTP(*mailbox.address, timeout=60) as client:
        client.starttls()
        content = b"From: a@supplier.example\r\nSubject: large\r\n\r\n" + b"x" * 70 + b"\r\n"
        content += (b"y" * 70 + b"\r\n") * (_LARGE // 72)
        refused = client.sendmail("a@supplier.example", ["large@mailbox.example"], content)
    assert refused == {}


def validates(mailbox: Mailbox) -> None:
    """Every structured invoice gets a result from the official rules."""
    for _ in patiently("the invoices are not validated"):
        structured = [one for one in mailbox.run("list") if one["structured"]]
        if structured and all(one["validation"] for one in structured):
            return


def keeps_octets_elsewhere(mailbox: Mailbox, folder: Path) -> None:
    """What is filed is brought to `blobs.url`; what waits for an operator stays in the database."""
    filed = [mail for mail in mailbox.run("mail", "list") if mail["state"] == "filed"]
    for _ in patiently("octets still lie in the database"):
        if sum(one.is_file() for one in folder.rglob("*")) >= len(filed):
            return


def does_all(
    mailbox: Mailbox,
    browser: Browser,
    office: PostOffice,
    erp: Program,
    octets: Path,
    names: Sequence[str] = (),
) -> None:
    """All of it but the end, with these samples, or all."""
    takes_and_files(mailbox, samples(names))
    takes_a_large_mail_under_tls(mailbox)
    validates(mailbox)
    keeps_octets_elsewhere(mailbox, octets)
    account = shows(browser, office)
    serves_programs(browser, account, erp)


def shows(browser: Browser, office: PostOffice) -> str:
    """The invited company comes in by the link it was mailed, and gets its invoice in each form; its account."""
    [case] = samples([INVITED])
    recipient = case.forward_paths[0]
    link = urllib.parse.urlsplit(link_in(office.wait_for(recipient))).path
    browser.get(link)
    browser.post(link, email=recipient, name="Paula", company="Neu GmbH", password=PASSWORD)
    [account] = set(re.findall(r"/companies/([0-9a-f-]{36})/", browser.get("/companies").decode()))
    at = f"/companies/{account}/invoices"
    ids = re.findall(rf"{at}/([0-9a-f-]{{36}})", browser.get(at).decode())
    own = next(one for one in ids if NUMBER in browser.get(f"{at}/{one}"))
    assert NUMBER in browser.get(f"{at}/{own}/readable")
    assert case.octets.replace(b"\r\n", b"\n") in browser.get(f"{at}/{own}/original").replace(b"\r\n", b"\n")
    assert browser.get(f"{at}/{own}/document")
    assert browser.get(f"{at}/{own}/pdf").startswith(b"%PDF")
    packed = zipfile.ZipFile(io.BytesIO(browser.post(f"{at}/zip", ids=own)))
    assert packed.testzip() is None
    return account


def serves_programs(browser: Browser, account: str, erp: Program) -> None:
    """A token reads by JSON; a webhook is called."""
    browser.get(f"/companies/{account}/company")
    [token] = set(
        re.findall(r"inv_[\w-]+", browser.post(f"/companies/{account}/tokens", name="ERP").decode())
    )
    assert NUMBER in browser.get("/api/v1/invoices", Authorization=f"Bearer {token}")
    browser.get(f"/companies/{account}/webhooks")
    events = ["invoice.received", "invoice.deleted"]
    page = browser.post(f"/companies/{account}/webhooks", url=erp.url, event=events)
    [webhook] = set(re.findall(rf"/companies/{account}/webhooks/([0-9a-f-]{{36}})", page.decode()))
    browser.post(f"/companies/{account}/webhooks/{webhook}/test")
    for _ in patiently("the webhook is not called"):
        if [call.told["type"] for call in list(erp.calls)] == ["webhook.test"]:
            return


def has_forgotten(mailbox: Mailbox) -> None:
    """After a run of retention in 91 days' time, only tombstones are left."""
    states = {invoice["state"] for invoice in mailbox.run("list")}
    assert states == {"deleted"}, states
