"""PDFs: what is embedded in them, and what becomes of damaged ones."""

from __future__ import annotations

import zlib

import pytest

from reading.invoice_reading.pdf import read_pdf
from reading.invoice_reading.values import (
    Evidence,
    NotAnInvoice,
    PlainPdf,
    StructuredInvoice,
    Unreadable,
)
from tests.invoice_documents import cii, pdf, ubl

_ORDER = b'<o:SCRDMCCBDACIOMessageStructure xmlns:o="urn:un:unece:uncefact:data:SCRDMCCBDACIOMessageStructure:100"/>'
_OLD = b'<Invoice xmlns="urn:un:unece:uncefact:data:standard:CBFBUY:5"/>'


def test_an_invoice_in_the_name_tree() -> None:
    """The XML counts, whatever its file name is."""
    octets = pdf("Rechnung", embedded=(("notes.txt", b"hello"), ("whatever.bin", cii("R-1"))))

    (invoice,) = read_pdf(octets)

    assert isinstance(invoice, StructuredInvoice)
    assert (invoice.terms.invoice_number, invoice.embedded_name) == ("R-1", "whatever.bin")


def test_an_invoice_under_af_only() -> None:
    """Some producers leave the name tree out."""
    octets = pdf("Rechnung", associated=(("factur-x.xml", cii("R-1"), "Alternative"),))

    (invoice,) = read_pdf(octets)

    assert isinstance(invoice, StructuredInvoice)
    assert (invoice.terms.invoice_number, invoice.relationship) == ("R-1", "Alternative")


def test_one_invoice_in_two_syntaxes_is_one() -> None:
    """The readable syntax is chosen, the older form of the same invoice passed over."""
    octets = pdf("Rechnung", embedded=(("a-old.xml", _OLD), ("b.xml", ubl("R-1")), ("c.xml", cii("R-1"))))

    invoices = read_pdf(octets)

    assert [
        (one.terms.format, one.embedded_name) for one in invoices if isinstance(one, StructuredInvoice)
    ] == [("cii", "c.xml")]


def test_contradicting_invoices_are_all_kept() -> None:
    """Two numbers in one PDF are two invoices."""
    octets = pdf("Rechnung", embedded=(("a.xml", cii("R-1")), ("b.xml", cii("R-2"))))

    invoices = read_pdf(octets)

    assert [one.terms.invoice_number for one in invoices if isinstance(one, StructuredInvoice)] == [
        "R-1",
        "R-2",
    ]


def test_the_relationship_breaks_a_tie() -> None:
    """Of the same invoice twice in one syntax the alternative representation goes before mere data."""
    octets = pdf("x", associated=(("a.xml", cii("R-1"), "Data"), ("b.xml", cii("R-1"), "Alternative")))

    (invoice,) = read_pdf(octets)

    assert isinstance(invoice, StructuredInvoice)
    assert invoice.embedded_name == "b.xml"


def test_an_order_is_no_invoice() -> None:
    """An Order-X PDF stays none, though its pages speak of the invoice address."""
    octets = pdf("Rechnung an:", embedded=(("order-x.xml", _ORDER),))

    (document,) = read_pdf(octets)

    assert isinstance(document, NotAnInvoice)
    assert "Order-X" in document.reason


def test_a_broken_embedded_invoice_leaves_the_pages() -> None:
    """The PDF is still an invoice for people, with a warning."""
    octets = pdf("Rechnung", "Rechnungsnummer: R-1", embedded=(("factur-x.xml", cii()[:500]),))

    (document,) = read_pdf(octets)

    assert isinstance(document, PlainPdf)
    assert (document.evidence, document.terms.invoice_number) == (Evidence.INVOICE, "R-1")
    assert [finding.code for finding in document.warnings] == ["embedded-xml-unreadable"]


def test_encrypted_with_the_empty_password() -> None:
    """A PDF that anybody may open is read."""
    octets = pdf("Rechnung", embedded=(("factur-x.xml", cii("R-1")),), password="")

    (invoice,) = read_pdf(octets)

    assert isinstance(invoice, StructuredInvoice)
    assert invoice.terms.invoice_number == "R-1"


def test_encrypted_with_a_password() -> None:
    """A PDF that needs a password is unreadable, and the reason says so."""
    octets = pdf("Rechnung", password="secret")

    assert read_pdf(octets) == (Unreadable("the PDF is encrypted with a password"),)


def test_a_scan_is_told_as_such() -> None:
    """A page with a picture and no text may be an invoice; nothing is read from it."""
    (document,) = read_pdf(pdf(picture=True))

    assert isinstance(document, PlainPdf)
    assert document.evidence == Evidence.SCAN
    assert [finding.code for finding in document.warnings] == ["scanned-pdf"]


@pytest.mark.parametrize(
    "octets", [b"%PDF-1.7\n", b"%PDF-1.7\n" + bytes(range(256)) * 3, pdf("Rechnung")[:200]]
)
def test_damaged_pdfs_are_unreadable(octets: bytes) -> None:
    """Garbage after the header is a value with a reason, no exception."""
    (document,) = read_pdf(octets)

    assert isinstance(document, Unreadable)
    assert document.reason


def test_octets_before_the_header() -> None:
    """Some mail gateways put blank lines before a PDF."""
    octets = b"\r\n" * 400 + pdf("Rechnung", embedded=(("factur-x.xml", cii("R-1")),))

    (invoice,) = read_pdf(octets)

    assert isinstance(invoice, StructuredInvoice)


@pytest.mark.parametrize(
    "names",
    [
        b"/Names<</EmbeddedFiles 4 0 R>>",
        b"/AF 4 0 R/Names<</EmbeddedFiles<</Kids[4 0 R 4 0 R]>>>>",
    ],
)
def test_a_circle_in_the_name_tree_ends(names: bytes) -> None:
    """A node that is its own child is trouble, which is told."""
    octets = _raw(names, b"<</Kids[4 0 R]>>")

    (document,) = read_pdf(octets)

    assert isinstance(document, PlainPdf)
    assert document.trouble is not None


def test_a_bomb_is_not_unpacked() -> None:
    """100 MB of blanks in 100 KB stay packed."""
    packed = zlib.compress(b" " * 100_000_000, 9)
    head = b"<</Type/EmbeddedFile/Filter/FlateDecode/Length %d>>stream\n" % len(packed)
    octets = _raw(
        b"/AF[4 0 R]", b"<</Type/Filespec/F(factur-x.xml)/EF<</F 5 0 R>>>>", head + packed + b"\nendstream"
    )

    (document,) = read_pdf(octets)

    assert isinstance(document, PlainPdf)
    assert (
        document.trouble
        == 'the XML "factur-x.xml" embedded in the PDF cannot be read: it is too large once unpacked'
    )


def test_a_flood_of_drawing_is_not_drawn() -> None:
    """A page of two million operators is given up in time."""
    content = b"BT " + b"(a) Tj " * 2_000_000 + b"ET"
    packed = zlib.compress(content, 9)
    stream = b"<</Filter/FlateDecode/Length %d>>stream\n" % len(packed) + packed + b"\nendstream"
    octets = _raw(b"", stream, page=b"/Contents 4 0 R/Resources<</Font<</F<</Type/Font>>>>>>")

    (document,) = read_pdf(octets)

    assert isinstance(document, PlainPdf)
    assert document.trouble == "page 1 of the PDF holds too much to be read"


def _raw(catalog: bytes, *objects: bytes, page: bytes = b"") -> bytes:
    """A PDF of one page with these entries in its catalog, and `objects` numbered from 4."""
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R" + catalog + b">>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]" + page + b">>",
        *objects,
    ]
    written = b"%PDF-1.7\n"
    offsets = []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(written))
        written += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(bodies) + 1
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, len(written))
    return written + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end
