"""What people see and do with the invoices of their company."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.processing.environment import TestSign
from ingest.processing.match_rules import MatchRule
from portal.csv_list import harmless
from portal.history_sentences import told
from portal.wording import texts
from retention.worker import drill
from storage.expiring.expiry import RetentionPeriods
from storage.records.companies import CompanyAccount
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Invoice
from storage.records.people import Language
from storage.records.reading import DocumentFormat, PartRole
from storage.records.senders import SenderStatus
from storage.records.validation import ValidationStatus
from tests import making
from tests.portal.browsers import NOW, Browser, Place

PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365)


@dataclass
class Desk:
    """Somebody signed in at a company."""

    place: Place
    company: CompanyAccount
    browser: Browser
    user_id: str

    def path(self, rest: str = "") -> str:
        return f"/companies/{self.company.id}/invoices{rest}"

    def get(self, rest: str = "") -> str:
        answer = self.browser.get(self.path(rest))
        assert answer.status_code == 200, answer.text
        return str(answer.text)


@pytest.fixture
def desk(place: Place) -> Desk:
    """An administrator of a company with an empty inbox."""
    company = place.company(name="Musterwerk GmbH", addresses=("musterwerk@mailbox.example",))
    user = place.user(company)
    return Desk(place, company, place.signed_in(user), user.id)


def _gets(desk: Desk, fixture: str, *, to: str = "musterwerk@mailbox.example") -> list[Invoice]:
    """What a sample mail becomes when it is sent to the desk's company and filed."""
    octets = (Path("fixtures/mail") / fixture / "message.eml").read_bytes()
    mail = making.incoming(octets, envelope=making.envelope(forward_paths=(to,), received_at=NOW))
    desk.place.store.add_mails([mail])
    desk.place.file_mails()
    with desk.place.store.reading() as records:
        return records.invoices.of_mails([mail.id])


def test_a_mail_is_an_entry_and_then_a_page(desk: Desk) -> None:
    """The main way: it comes in, stands in the list as new, and is read; that is on record."""
    [invoice] = _gets(desk, "xrechnung-cii")

    listed = desk.get()
    page = desk.get(f"/{invoice.id}")
    desk.get(f"/{invoice.id}")

    assert invoice.reading is not None
    assert f'<a href="{desk.path(f"/{invoice.id}")}">{invoice.invoice_number}</a>' in listed
    assert "New</span>" in listed
    assert str(invoice.reading.terms.seller.name) in page
    assert "Not an archive" in page
    assert "New</span>" not in desk.get()
    with desk.place.store.reading() as records:
        events = records.history.of_invoice(invoice.id, invoice.mail_id)
        user = records.users.get(desk.user_id)
    assert [one.actor for one in events if one.event is HistoryEventName.VIEWED] == [f"user {user.email}"]


def test_files_are_sent_so_that_no_browser_runs_them(desk: Desk) -> None:
    """As they came, octet for octet, to be kept and not shown; what was downloaded is on record."""
    [invoice] = _gets(desk, "xrechnung-cii")
    assert invoice.reading is not None

    document = desk.browser.get(desk.path(f"/{invoice.id}/document"))
    part = desk.browser.get(desk.path(f"/{invoice.id}/parts/{invoice.reading.document.sha256}"))
    original = desk.browser.get(desk.path(f"/{invoice.id}/original"))

    assert document.content == part.content
    assert original.content.endswith((Path("fixtures/mail") / "xrechnung-cii" / "message.eml").read_bytes())
    for answer in (document, part, original):
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
    with desk.place.store.reading() as records:
        events = records.history.of_invoice(invoice.id, invoice.mail_id)
    assert sum(one.event is HistoryEventName.DOWNLOADED for one in events) == 3


def test_a_readable_form_may_do_nothing(desk: Desk) -> None:
    """It is made of what a stranger wrote; the frame is a sandbox, in the visitor's language."""
    [invoice] = _gets(desk, "xrechnung-cii")

    answer = desk.browser.get(desk.path(f"/{invoice.id}/readable"))

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].endswith("sandbox")
    assert str(invoice.invoice_number) in answer.text
    assert f'src="{desk.path(f"/{invoice.id}/readable")}"' in desk.get(f"/{invoice.id}")


def test_a_pdf_is_shown_beside_what_it_says(desk: Desk) -> None:
    """Only what is a PDF by its content is."""
    [invoice] = _gets(desk, "hybrid-factur-x-en-16931")

    answer = desk.browser.get(desk.path(f"/{invoice.id}/pdf"))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")
    assert "x-frame-options" not in answer.headers
    assert "script" not in answer.headers["content-security-policy"]


def test_what_is_noted_and_done_stays(desk: Desk) -> None:
    """For everybody of the company; scripts in a note are words like others."""
    [invoice] = _gets(desk, "xrechnung-cii")
    desk.get(f"/{invoice.id}")

    desk.browser.post(desk.path(f"/{invoice.id}/note"), {"note": "<script>alert(1)</script> ok"})
    desk.browser.post(desk.path(f"/{invoice.id}/done"), {"done": "true"})

    page = desk.get(f"/{invoice.id}")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; ok" in page
    assert "<script" not in page
    assert "Erika Muster" in page
    assert "Done</span>" in desk.get("?state=done")
    assert desk.browser.post(desk.path(f"/{invoice.id}/note"), {"note": "x" * 2001}).status_code == 400


def test_several_are_marked_at_once(desk: Desk) -> None:
    """And the browser comes back to the list as it was."""
    invoices = [*_gets(desk, "xrechnung-cii"), *_gets(desk, "hybrid-factur-x-en-16931")]
    back = desk.path("?sort=amount&dir=up")
    desk.browser.get(back)

    answer = desk.browser.post(
        desk.path("/mark"), {"action": "done", "ids": [one.id for one in invoices], "back": back}
    )

    assert answer.headers["location"] == f"{back}&notice=marked_done"
    assert desk.get("?state=open").count("<tr") == 0
    assert desk.browser.post(desk.path("/mark"), {"action": "paint"}).status_code == 400
    elsewhere = desk.browser.post(desk.path("/mark"), {"action": "done", "back": "//evil.example"})
    assert elsewhere.headers["location"] == desk.path("?notice=none_chosen")


def test_several_come_in_one_zip(desk: Desk) -> None:
    """Of each the document and the mail as it came."""
    invoices = [*_gets(desk, "xrechnung-cii"), *_gets(desk, "hybrid-factur-x-en-16931")]
    desk.get()

    answer = desk.browser.post(desk.path("/zip"), {"ids": [one.id for one in invoices]})

    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        mails = [archive.read(name) for name in names if name.endswith("/mail.eml")]
    assert answer.headers["content-type"] == "application/zip"
    assert len(names) == 4
    assert mails[0].endswith((Path("fixtures/mail") / "xrechnung-cii" / "message.eml").read_bytes())
    assert all(".." not in name and not name.startswith("/") for name in names)


def test_the_list_is_a_table_for_spreadsheets(desk: Desk) -> None:
    """As it is filtered, a line for each; no cell is a formula."""
    _gets(desk, "xrechnung-cii")
    _gets(desk, "hybrid-factur-x-en-16931")

    answer = desk.browser.get(desk.path(".csv?sort=amount"))

    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][0] == "Received"
    assert len(rows) == 3


@pytest.mark.parametrize("cell", ["=1+1", "+1", "@SUM(A1)", "-cmd|' /C calc'!A0", "\t=1", "\r=1", " =1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    """A supplier's name must not run in a spreadsheet."""
    assert harmless(cell) == f"'{cell}"


def test_an_amount_stays_a_number_in_a_spreadsheet() -> None:
    """Also a negative one."""
    assert harmless("-119.00") == "-119.00"


def test_a_deleted_invoice_has_a_page_without_content(desk: Desk) -> None:
    """Number, date and history stay; its files are gone."""
    [invoice] = _gets(desk, "xrechnung-cii")
    assert invoice.reading is not None
    seller = str(invoice.reading.terms.seller.name)

    drill(desk.place.store, PERIODS, invoice.expires_at)
    with desk.place.store.reading() as records:
        user = records.users.get(desk.user_id)
    desk.browser = desk.place.signed_in(user)  # the drill ended what was over by then

    page = desk.get(f"/{invoice.id}")
    assert "The content of this invoice was deleted" in page
    assert seller not in page
    for rest in ("/document", "/original", "/pdf", "/readable"):
        assert desk.browser.get(desk.path(f"/{invoice.id}{rest}")).status_code == 404
    assert "Content deleted" in desk.get()


def test_a_link_in_a_mail_finds_the_company(desk: Desk) -> None:
    """It names the invoice alone; whoever is not signed in comes there afterwards."""
    [invoice] = _gets(desk, "xrechnung-cii")

    answer = desk.browser.get(f"/invoices/{invoice.id}")
    stranger = desk.place.browser().get(f"/invoices/{invoice.id}")

    assert answer.headers["location"] == desk.path(f"/{invoice.id}")
    assert stranger.headers["location"] == f"/sign-in?next=/invoices/{invoice.id}"


def test_a_visitor_without_a_company_is_told_what_to_do(place: Place) -> None:
    """No empty page."""
    browser = place.signed_in(place.user())

    assert "You do not belong to a company yet" in browser.get("/companies").text


def test_a_visitor_of_several_companies_chooses(place: Place) -> None:
    """And can change over from every page."""
    first, second = place.company(name="Erste GmbH"), place.company(name="Zweite GmbH")
    browser = place.signed_in(place.user(first, second))

    assert "Zweite GmbH" in browser.get("/companies").text
    assert f'href="/companies/{second.id}/invoices"' in browser.get(f"/companies/{first.id}/invoices").text


@pytest.mark.parametrize(
    "query",
    [
        *(
            "?at=x",
            "?at=WzEsMiwzXQ&sort=amount",
            "?sort=nonsense&dir=sideways",
            "?from=0001-01-01&to=9999-12-31",
        ),
        *("?min=NaN&max=1e999", "?q=%00%ff", "?state=%27", "?environment=x&partner=%25", "?q=" + "a" * 5000),
    ],
)
def test_no_address_breaks_the_list(desk: Desk, query: str) -> None:
    """What cannot be understood counts as not asked for."""
    assert desk.browser.get(desk.path(query)).status_code == 200


def test_every_event_rule_and_sign_has_its_sentence() -> None:
    """In both languages; a new one without would be a 500 on the day it happens."""
    for language in Language:
        for name in HistoryEventName:
            event = HistoryEvent(
                at=NOW,
                event=name,
                actor="worker",
                detail={"expires_at": "2026-11-24T09:00:00+00:00"},
                mail_id=None,
                invoice_id=None,
            )
            assert told([event], language)[0].sentence
    for room, names in {
        "rule": MatchRule,
        "sign": TestSign,
        "format": DocumentFormat,
        "validation": ValidationStatus,
    }.items():
        assert {f"{room}.{name}" for name in names} <= set(texts())
    assert {f"invoice.role_{role}" for role in PartRole} <= set(texts())
    assert {f"sender.{status}" for status in SenderStatus} <= set(texts())
