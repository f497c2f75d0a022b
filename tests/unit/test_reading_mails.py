"""Whole mails: which documents are one invoice, which belong to it, what is only attached."""

from __future__ import annotations

import hashlib

import pytest

from reading.mail import extract_part, read_mail
from storage.records.reading import MailReading
from tests.invoice_documents import cii, mail, pdf, ubl


def _invoices(reading: MailReading) -> list[tuple[str | None, list[tuple[str, str]]]]:
    """Of each invoice its number, and names and roles of its attachments."""
    return [
        (one.terms.invoice_number, [(part.name, part.role.value) for part in one.attachments])
        for one in reading.invoices
    ]


def _roles(reading: MailReading) -> list[tuple[str, str]]:
    return [(part.name, part.role.value) for part in reading.message.parts if part.role != "body"]


def test_xml_and_pdf_with_the_number_are_one_invoice() -> None:
    """The XML leads although the PDF comes first, and the names differ."""
    octets = mail(("a.pdf", pdf("Rechnung", "Rechnungsnummer: R-2026-1")), ("b.xml", cii("R-2026-1")))

    reading = read_mail(octets)

    assert _invoices(reading) == [("R-2026-1", [("b.xml", "invoice"), ("a.pdf", "representation")])]
    assert _roles(reading) == [("a.pdf", "representation"), ("b.xml", "invoice")]


def test_file_stems_pair_documents() -> None:
    """Two XML and two PDF whose pages name no number go together by name."""
    outlines = pdf()
    octets = mail(
        *(("r1.xml", cii("R-1")), ("r1.pdf", outlines), ("r2.xml", cii("R-2")), ("r2.pdf", outlines)),
    )

    reading = read_mail(octets)

    assert _invoices(reading) == [
        ("R-1", [("r1.xml", "invoice"), ("r1.pdf", "representation")]),
        ("R-2", [("r2.xml", "invoice"), ("r2.pdf", "representation")]),
    ]


def test_the_only_pdf_beside_the_only_xml_is_its_twin() -> None:
    """A scan says nothing against it."""
    octets = mail(("x.xml", ubl("R-1")), ("scan.pdf", pdf(picture=True)))

    reading = read_mail(octets)

    assert _invoices(reading) == [("R-1", [("x.xml", "invoice"), ("scan.pdf", "representation")])]


def test_a_pdf_with_another_number_is_another_invoice() -> None:
    """One XML and one PDF, but the PDF's label tells of another invoice."""
    octets = mail(("x.xml", ubl("R-2026-1")), ("y.pdf", pdf("Rechnung", "Rechnungsnummer: R-2026-2")))

    reading = read_mail(octets)

    assert _invoices(reading) == [
        ("R-2026-1", [("x.xml", "invoice")]),
        ("R-2026-2", [("y.pdf", "invoice")]),
    ]
    assert [one.terms.structured for one in reading.invoices] == [True, False]


@pytest.mark.parametrize("words", ["R-2026-17", "XR-2026-1", "R-2026"])
def test_a_number_inside_another_number_is_none(words: str) -> None:
    """R-2026-1 does not stand in R-2026-17, nor in XR-2026-1."""
    octets = mail(
        ("x.xml", cii("R-2026-1")), ("z.xml", cii("R-9")), ("y.pdf", pdf("Rechnung", f"Betreff {words}"))
    )

    reading = read_mail(octets)

    assert [number for number, _ in _invoices(reading)] == ["R-2026-1", "R-9", None]


def test_of_two_mute_pdfs_none_is_the_twin() -> None:
    """Which of two scans shows the invoice nobody can tell; both stay attachments."""
    octets = mail(
        ("x.xml", cii("R-1")), ("scan1.pdf", pdf(picture=True)), ("scan2.pdf", pdf("", picture=True))
    )

    reading = read_mail(octets)

    attached = [("x.xml", "invoice"), ("scan1.pdf", "attachment"), ("scan2.pdf", "attachment")]
    assert _invoices(reading) == [("R-1", attached)]


def test_a_flyer_beside_a_hybrid_is_an_attachment() -> None:
    """A hybrid PDF is readable itself, so the other PDF is no twin of it; nor is it an invoice of its own."""
    hybrid = pdf("Rechnung", embedded=(("factur-x.xml", cii("R-1")),))
    octets = mail(("r.pdf", hybrid), ("flyer.pdf", pdf("Bezahlen Sie jede Rechnung bequem von zu Hause")))

    reading = read_mail(octets)

    assert _invoices(reading) == [("R-1", [("r.pdf", "invoice"), ("flyer.pdf", "attachment")])]


def test_hybrid_and_separate_xml_are_one() -> None:
    """The same invoice in a PDF and beside it is one with two documents."""
    hybrid = pdf("Rechnung", embedded=(("factur-x.xml", cii("R-1")),))
    octets = mail(("r.pdf", hybrid), ("xrechnung.xml", ubl("R-1")))

    reading = read_mail(octets)

    assert _invoices(reading) == [("R-1", [("xrechnung.xml", "invoice"), ("r.pdf", "representation")])]


def test_same_number_of_two_sellers_are_two() -> None:
    """The number alone does not make an invoice."""
    other = cii("R-1", seller="Süd GmbH").replace(b"DE123456788", b"DE555555551")
    octets = mail(("a.xml", cii("R-1")), ("b.xml", other))

    reading = read_mail(octets)

    assert [one.terms.seller.name for one in reading.invoices] == ["Nord GmbH", "Süd GmbH"]


def test_the_embedded_xml_is_no_attachment() -> None:
    """A hybrid PDF is one document under the PDF's name; the delivery note stays an attachment."""
    hybrid = pdf("Rechnung", embedded=(("factur-x.xml", cii("R-1")),))
    note = pdf("Lieferschein", "zu unserer Rechnung R-1")
    octets = mail(("r.pdf", hybrid), ("lieferschein.pdf", note), ("logo.png", b"\x89PNG\r\n\x1a\n"))

    reading = read_mail(octets)

    attached = [("r.pdf", "invoice"), ("lieferschein.pdf", "attachment"), ("logo.png", "attachment")]
    assert _invoices(reading) == [("R-1", attached)]


def test_a_pdf_that_only_mentions_invoices_is_no_second_one() -> None:
    """Beside an evident invoice a mere word makes none."""
    octets = mail(
        ("r.pdf", pdf("Rechnung", "Rechnungsnummer: R-1")),
        ("flyer.pdf", pdf("Bezahlen Sie jede Rechnung bequem von zu Hause")),
    )

    reading = read_mail(octets)

    assert _invoices(reading) == [("R-1", [("r.pdf", "invoice"), ("flyer.pdf", "attachment")])]


def test_the_same_pdf_invoice_twice_is_one() -> None:
    """A copy with the same number is a representation."""
    lines = ("Rechnung", "Rechnungsnummer: R-1")
    octets = mail(("r.pdf", pdf(*lines)), ("kopie.pdf", pdf(*lines, "Kopie")))

    reading = read_mail(octets)

    assert _invoices(reading) == [("R-1", [("r.pdf", "invoice"), ("kopie.pdf", "representation")])]


@pytest.mark.parametrize(
    ("name", "subject", "expected"),
    [("Rechnung_17.pdf", "Unterlagen", 1), ("17.pdf", "Ihre Rechnung 17", 1), ("17.pdf", "Unterlagen", 0)],
)
def test_name_or_subject_speak_for_a_mute_pdf(name: str, subject: str, expected: int) -> None:
    """Where the pages say nothing, the file name or the subject may."""
    octets = mail((name, pdf("Vielen Dank")), subject=subject)

    reading = read_mail(octets)

    assert len(reading.invoices) == expected


def test_a_reminder_is_no_invoice_whatever_the_subject() -> None:
    """The document's own heading outranks the subject."""
    octets = mail(("m.pdf", pdf("Mahnung", "Rechnung R-1 ist offen")), subject="Rechnung")

    assert read_mail(octets).invoices == ()


def test_a_broken_document_is_told_at_the_good_one() -> None:
    """It is on the list of the unread, and the invoice beside it carries a warning with its name."""
    octets = mail(("good.xml", ubl("R-1")), ("bad.pdf", b"%PDF-1.7\ngarbage"))

    reading = read_mail(octets)

    assert _invoices(reading) == [("R-1", [("good.xml", "invoice"), ("bad.pdf", "unreadable")])]
    assert [one.part.name for one in reading.unread] == ["bad.pdf"]
    (warning,) = reading.invoices[0].warnings
    assert warning.code == "unreadable-attachment"
    assert "bad.pdf" in warning.text


def test_a_broken_hybrid_without_words_is_unread() -> None:
    """A PDF that hides broken XML and shows nothing is no invoice, not even by its name and subject."""
    octets = mail(("Rechnung.pdf", pdf(embedded=(("factur-x.xml", b"x"),))), subject="Rechnung")

    reading = read_mail(octets)

    assert reading.invoices == ()
    assert [one.part.role.value for one in reading.unread] == ["unreadable"]


def test_a_syntax_that_is_not_read_groups_by_name() -> None:
    """A FatturaPA with its PDF is one invoice with a warning."""
    fattura = b'<p:FatturaElettronica xmlns:p="http://www.fatturapa.gov.it/sdi/fatturapa/v1.1"/>'
    octets = mail(("f1.xml", fattura), ("f1.pdf", pdf("Fattura")), ("other.pdf", pdf("Lieferschein")))

    reading = read_mail(octets)

    attached = [("f1.xml", "invoice"), ("f1.pdf", "representation"), ("other.pdf", "attachment")]
    assert _invoices(reading) == [(None, attached)]
    assert [one.code for one in reading.invoices[0].warnings] == ["format-not-read"]


def test_what_is_called_a_pdf_and_is_none() -> None:
    """Content decides; a false name makes a document unreadable, XML under it is read all the same."""
    octets = mail(("a.pdf", b"hello"), ("b.pdf", ubl("R-1")))

    reading = read_mail(octets)

    assert [number for number, _ in _invoices(reading)] == ["R-1"]
    assert [one.part.name for one in reading.unread] == ["a.pdf"]


def test_a_part_is_extracted_by_its_digest() -> None:
    """The content comes back octet for octet; an unknown digest gives None."""
    document = ubl("R-1")
    octets = mail(("r.xml", document))

    assert extract_part(octets, hashlib.sha256(document).hexdigest()) == document
    assert extract_part(octets, "0" * 64) is None
