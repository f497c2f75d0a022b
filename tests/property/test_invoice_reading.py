"""Reading never raises, whatever the octets, and says the same each time."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reading.invoice_reading.document import read_document
from reading.invoice_reading.pdf_text import read_text
from reading.mail import read_mail
from reading.mime import Leaf
from reading.rendering.rendering import LANGUAGES, render
from storage.records.reading import PartRole
from tests.invoice_documents import cii, mail, pdf, ubl

_HYBRID = pdf("Rechnung", "Rechnungsnummer: R-1", embedded=(("factur-x.xml", cii()),))
_DOCUMENTS = (
    cii(),
    ubl(),
    ubl(encoding="UTF-16"),
    _HYBRID,
    pdf("Invoice"),
    pdf("x", password=""),
    pdf(picture=True),
)
_WORDS = st.sampled_from(
    [
        "Rechnungsnummer:",
        "Invoice date:",
        "Gesamtbetrag",
        "IBAN",
        "DE79",
        "0000",
        "1.190,00",
        "€",
        "EUR",
        "\n",
        "  ",
    ]
)
_SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _leaf(content: bytes, name: str = "a.xml") -> Leaf:
    return Leaf(
        path="1",
        name=name,
        declared_type="application/octet-stream",
        media_type="application/octet-stream",
        content=content,
        content_id=None,
        role=PartRole.ATTACHMENT,
    )


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A good document with some octets replaced, taken out or put in."""
    octets = bytearray(draw(st.sampled_from(_DOCUMENTS)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(octets)))
        octets[start : start + draw(st.integers(0, 40))] = draw(st.binary(max_size=20))
    return bytes(octets)


@_SETTINGS
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"%PDF-1.7\n", b"<", b"<?xml version='1.0'?>", b"\xff\xfe<\0"]),
)
def test_any_octets_are_read(octets: bytes, opening: bytes) -> None:
    """Arbitrary octets, also behind the openings of known kinds, give at least one value."""
    documents = read_document(_leaf(opening + octets))

    assert documents


@_SETTINGS
@given(_mutated())
def test_mutated_documents_are_read(octets: bytes) -> None:
    """A damaged document gives a value, and the same one again."""
    first = read_document(_leaf(octets, "a.pdf"))

    assert first
    assert first == read_document(_leaf(octets, "a.pdf"))


@_SETTINGS
@given(st.lists(_mutated(), max_size=3), st.binary(max_size=30), st.integers(0, 2000))
def test_mails_are_read(documents: list[bytes], noise: bytes, at: int) -> None:
    """A mail of damaged documents, itself damaged, yields a reading whose roles fit together."""
    octets = mail(*((f"{number}.pdf", content) for number, content in enumerate(documents)))

    reading = read_mail(octets[:at] + noise + octets[at:])

    for invoice in reading.invoices:
        assert invoice.document == invoice.attachments[0]
        assert invoice.document.role == PartRole.INVOICE
        assert set(invoice.attachments) <= set(reading.message.parts)


@_SETTINGS
@given(st.lists(st.one_of(_WORDS, st.text(max_size=12)), max_size=40).map(" ".join))
def test_any_text_is_read(text: str) -> None:
    """No text of a page makes the reading of labels fail."""
    terms = read_text(text).terms

    assert not terms.structured


@_SETTINGS
@given(_mutated(), st.sampled_from(LANGUAGES))
def test_a_page_is_drawn_of_whatever_can_be_read(octets: bytes, language: str) -> None:
    """Or none; a damaged document is no reason to show an error instead of it."""
    page = render(octets, None, language)

    assert page is None or page.startswith(b"<!DOCTYPE html>")
