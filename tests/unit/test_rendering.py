"""The readable page of an invoice for machines: complete, in two languages, and nothing in it can do anything."""

from __future__ import annotations

import io
import re

import pytest
from lxml import etree
from pypdf import PdfReader

from fixtures.build_mails import MAIL_FOLDER
from reading.mail import read_mail
from reading.rendering.outline import Value, outline
from reading.rendering.rendering import LANGUAGES, render
from reading.rendering.shown import day, number, shown
from reading.rendering.where_national import FATTURAPA
from reading.sandbox import ReaderPool
from reading.term_names import ENGLISH, GERMAN
from tests.invoice_documents import cii, ubl

_EVIL = "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&quot;x &#x202E;gnp"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "de",
            [
                "Visualisierung – maßgeblich ist das XML",
                "Rechnung R-2026-1",
                "09.11.2026",
                "Nord GmbH",
                "119,00",
            ],
        ),
        (
            "en",
            [
                "Visualisation – the XML is what counts",
                "Invoice R-2026-1",
                "9 Nov 2026",
                "Nord GmbH",
                "119.00",
            ],
        ),
    ],
)
def test_a_page_is_in_the_language_of_its_reader(language: str, words: list[str]) -> None:
    """Words, dates and amounts; and on top that the XML is what counts."""
    page = render(cii(), None, language)

    assert page is not None
    assert [word for word in words if word not in page.decode()] == []
    assert f'<html lang="{language}">' in page.decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_the_invoice_gets_out_of_its_text(language: str) -> None:
    """A seller called <script> is shown as one; what turns the direction of a text is taken out."""
    page = render(cii(seller=_EVIL), None, language)

    assert page is not None
    tags = set(re.findall(rb"<(\w+)", page))
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload" in page
    assert "\u202e" not in page.decode()
    assert tags <= {
        *(b"html", b"head", b"meta", b"title", b"style", b"body", b"p", b"h1", b"h2", b"div", b"section"),
        *(b"dl", b"dt", b"dd", b"table", b"thead", b"tbody", b"tr", b"th", b"td", b"span"),
    }
    assert not re.search(rb"(?:src|href|url)\s*[=(]", page)


@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1.7", b"<a/>", b"<!DOCTYPE x><Invoice/>", b"UNB+UNOC:3+a+b+1+1'UNZ+0+1'"]
)
def test_what_is_no_invoice_for_machines_has_no_page(content: bytes) -> None:
    """None, or an empty page of a message; never an error."""
    page = render(content, None, "de")

    assert page is None or b"Visualisierung" in page


@pytest.mark.parametrize(
    ("written", "german", "english"),
    [
        ("1234567.50", "1.234.567,50", "1,234,567.50"),
        ("-7", "-7", "-7"),
        ("0.3333", "0,3333", "0.3333"),
        ("1e5", "1e5", "1e5"),
        ("zwölf", "zwölf", "zwölf"),
    ],
)
def test_numbers_keep_the_decimals_that_were_written(written: str, german: str, english: str) -> None:
    """Grouped and with the comma of the language; what is no plain number stays."""
    assert (number(written, "de"), number(written, "en")) == (german, english)


@pytest.mark.parametrize(
    ("written", "currency", "german"),
    [
        ("1012.7", "EUR", "1.012,70"),
        ("5330", "", "5.330,00"),
        ("0.0205", "EUR", "0,0205"),
        ("1200", "JPY", "1.200"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(written: str, currency: str, german: str) -> None:
    """1.012,7 reads like a slip of the pen; what is more exact than the currency stays so."""
    assert shown(Value(term="BT-110", text=written), "de", currency) == german


def test_a_date_that_is_none_stays_as_it_is() -> None:
    """Nothing is made up."""
    assert (day("20260229", "de"), day("20260228", "de"), day("soon", "en")) == (
        *("20260229", "28.02.2026", "soon"),
    )


def test_every_term_has_a_name_in_both_languages() -> None:
    """All of EN 16931, with the two terms that its corrigenda added."""
    wanted = {f"BT-{one}" for one in range(1, 166)} - {"BT-4"} | {f"BG-{one}" for one in range(1, 33)}

    assert set(GERMAN) == set(ENGLISH) == wanted
    assert all(GERMAN.values())
    assert all(ENGLISH.values())


@pytest.mark.parametrize(
    ("sample", "shown"),
    [("xrechnung-ubl", True), ("hybrid-xrechnung", True), ("xrechnung-cii", True), ("plain-pdf", False)],
)
def test_readers_draw_pages_of_mails(sample: str, shown: bool) -> None:
    """Through the process that opens mails, from the mail to the page; a plain PDF has none."""
    octets = (MAIL_FOLDER / sample / "message.eml").read_bytes()
    [invoice] = read_mail(octets).invoices
    with ReaderPool(1) as pool:
        page = pool.render(octets, invoice.document.sha256, "de", number=invoice.terms.invoice_number)
        missing = pool.render(octets, "0" * 64, "de")

    assert (page is not None) is shown
    assert page is None or (invoice.terms.invoice_number or "").encode() in page
    assert missing is None


def test_a_pdf_holds_what_the_page_does_in_any_european_script() -> None:
    """Greek and Cyrillic names too; the letters travel in the file."""
    names = "Nord GmbH Ελλάδα Пример Łódź"
    document = render(cii(seller=names), None, "de", as_pdf=True)

    assert document is not None
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(document)).pages)
    wanted = ["maßgeblich ist das XML", names, "R-2026-1", "119,00", "09.11.2026"]
    assert [one for one in wanted if one not in text] == []


def test_a_pdf_is_drawn_from_text_that_would_break_others() -> None:
    """Long words, line ends, signs without a shape, more lines than a page takes."""
    seller = "x" * 3000 + " &#x9;&#xA;&#x202E; " + "lang " * 2000

    document = render(cii(seller=seller), None, "en", as_pdf=True)

    assert document is not None
    assert len(PdfReader(io.BytesIO(document)).pages) > 1


_INTERCHANGE = (
    b"UNB+UNOC:3+4000001000005:14+4012345000009:14+261124:1200+1'UNH+1+INVOIC:D:96A:UN'BGM+380+RE-17'"
    b"DTM+137:20261124:102'NAD+SU+4000001000005::9++Nord GmbH'NAD+BY+4012345000009::9'CUX+2:EUR:4'"
    b"LIN+1++4000001000012:EN'IMD+A++:::Karton'QTY+47:12:C62'PRI+AAA:8.50'MOA+203:102.00'TAX+7+VAT+++:::19+S'"
    b"UNS+S'MOA+77:121.38'UNT+14+1'UNH+2+INVOIC:D:96A:UN'BGM+380+RE-18'UNT+3+2'UNZ+2+1'"
)


def test_an_edifact_message_has_a_page_with_its_lines() -> None:
    """The message with the number asked for; each of its segments is at the end as it stands."""
    page = render(_INTERCHANGE, "RE-17", "en")
    other = render(_INTERCHANGE, "RE-18", "en")

    assert page is not None
    assert other is not None
    wanted = [
        "Invoice RE-17",
        "24 Nov 2026",
        "Nord GmbH",
        "Karton",
        "12 pcs",
        "8.50",
        "102.00",
        "19 %",
        "121.38",
    ]
    assert [one for one in wanted if one not in page.decode()] == []
    assert "20261124:102" in page.decode()
    assert "Invoice RE-18" in other.decode()
    assert "Nord GmbH" not in other.decode()


def test_an_invoice_of_ten_thousand_lines_is_drawn() -> None:
    """In some seconds, not minutes; no line is left out."""
    line = b"LIN+%d++4000001000012:EN'QTY+47:1'MOA+203:1'"
    many = b"".join(line % number for number in range(10_000))
    page = render(_INTERCHANGE.replace(b"UNS+S'", many + b"UNS+S'", 1), "RE-17", "de")

    assert page is not None
    assert page.count(b"<tr>") > 10_000


def test_the_subject_of_a_note_in_ubl_is_told_in_words() -> None:
    """UBL has no element for it, so it stands before the note between number signs (BT-21); other signs are text."""
    notes = ("#REG#Amtsgericht Kiel", "#1 of 2# parts", "Danke #ADU# sehr")
    written = "".join(f"<cbc:Note>{note}</cbc:Note>" for note in notes).encode()
    page = render(
        ubl().replace(b"<cbc:DocumentCurrencyCode>", written + b"<cbc:DocumentCurrencyCode>"), None, "de"
    )

    assert page is not None
    shown_words = page.decode()
    assert "Pflichtangaben (REG)" in shown_words
    assert "#REG#" not in shown_words
    assert [note for note in ("Amtsgericht Kiel", *notes[1:]) if note not in shown_words] == []


def test_what_an_italian_invoice_tells_in_two_elements_is_one_value() -> None:
    """A VAT identifier is country and number together, and a person has one name."""
    seller = (
        "<DatiAnagrafici><IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>03012345678</IdCodice></IdFiscaleIVA>"
        "<Anagrafica><Nome>Anna</Nome><Cognome>Verdi</Cognome></Anagrafica></DatiAnagrafici>"
    )
    root = etree.fromstring(
        "<FatturaElettronica><FatturaElettronicaHeader><CedentePrestatore>"
        f"{seller}</CedentePrestatore></FatturaElettronicaHeader></FatturaElettronica>"
    )

    [party] = outline(root, FATTURAPA).root.all("BG-4")

    assert [(one.term, one.text) for one in party.values] == [
        ("BT-27", "Anna Verdi"),
        ("BT-31", "IT03012345678"),
    ]
