"""XML from strangers: what is parsed, what is refused, and in which words."""

from __future__ import annotations

import pytest

from reading.invoice_reading.values import NotAnInvoice, StructuredInvoice, Unreadable
from reading.invoice_reading.xml import BadXml, opens_like_xml, parse
from reading.invoice_reading.xml_document import read_xml
from storage.records.reading import DocumentFormat
from tests.invoice_documents import cii, ubl

_DOCTYPE = '<!DOCTYPE Invoice [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1"])
def test_encodings(encoding: str) -> None:
    """An umlaut arrives whatever the declared encoding is."""
    octets = ubl(encoding=encoding)

    (document,) = read_xml(octets, presented_as_xml=True)

    assert isinstance(document, StructuredInvoice)
    assert document.terms.buyer.name == "Müller"


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\r\n  ", b"\xef\xbb\xbf\n"])
def test_what_may_stand_before_the_declaration(before: bytes) -> None:
    """A byte order mark and white space before `<?xml` harm nobody."""
    octets = before + ubl()

    root = parse(octets)

    assert opens_like_xml(octets)
    assert not isinstance(root, BadXml)


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
@pytest.mark.parametrize(
    "prolog", [_DOCTYPE, f"<!-- {'x' * 300_000} -->{_DOCTYPE}", f"<?a b?><!-- < -->{_DOCTYPE}"]
)
def test_a_doctype_is_refused(encoding: str, prolog: str) -> None:
    """Wherever it hides in the prolog, and in any encoding, a DOCTYPE makes the document unreadable."""
    octets = ubl("&amp;x;", prolog=prolog, encoding=encoding)

    (document,) = read_xml(octets, presented_as_xml=False)

    assert document == Unreadable("the XML has a DOCTYPE, which no invoice may have")


def test_a_doctype_is_refused_before_parsing() -> None:
    """It is seen first, so what comes after it is never looked at, not even whether it is well-formed."""
    octets = ubl(prolog=_DOCTYPE)[:600]

    (document,) = read_xml(octets, presented_as_xml=False)

    assert document == Unreadable("the XML has a DOCTYPE, which no invoice may have")


def test_a_doctype_in_a_text_is_none() -> None:
    """Only the prolog counts: a seller may sell HTML."""
    octets = ubl("<![CDATA[<!DOCTYPE html>]]>")

    (document,) = read_xml(octets, presented_as_xml=True)

    assert isinstance(document, StructuredInvoice)
    assert document.terms.invoice_number == "<!DOCTYPE html>"


def test_malformed_xml_is_told_with_its_line() -> None:
    """An invoice cut in two is unreadable, and the reason says where."""
    octets = ubl()[:900]

    (document,) = read_xml(octets, presented_as_xml=False)

    assert isinstance(document, Unreadable)
    assert document.reason.startswith("not well-formed XML: ")
    assert "line" in document.reason


def test_other_malformed_markup_is_no_invoice() -> None:
    """A web page that nobody called XML is simply something else."""
    octets = b"<html><p>Hello<br></html>"

    (document,) = read_xml(octets, presented_as_xml=False)

    assert isinstance(document, NotAnInvoice)


def test_deep_nesting_is_refused() -> None:
    """Ten thousand levels neither crash nor pass."""
    octets = b'<Invoice xmlns="urn:x">' + b"<a>" * 10_000

    (document,) = read_xml(octets, presented_as_xml=False)

    assert isinstance(document, Unreadable)


@pytest.mark.parametrize(
    ("root", "namespace", "expected"),
    [
        ("CrossIndustryInvoice", "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100", "cii"),
        ("CrossIndustryDocument", "urn:ferd:CrossIndustryDocument:invoice:1p0", "zugferd1"),
        ("Invoice", "urn:un:unece:uncefact:data:standard:CBFBUY:5", "other"),
        ("Invoice", "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2", "ubl-invoice"),
        ("CreditNote", "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2", "ubl-creditnote"),
        ("Invoice", "http://www.ebinterface.at/schema/6p1/", "ebinterface"),
        ("Facturae", "http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml", "facturae"),
        ("FatturaElettronica", "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2", "fatturapa"),
    ],
)
def test_the_root_decides_the_syntax(root: str, namespace: str, expected: str) -> None:
    """Local name and namespace of the root name the format, nothing else does."""
    octets = f'<x:{root} xmlns:x="{namespace}"/>'.encode()

    (document,) = read_xml(octets, presented_as_xml=False)

    assert isinstance(document, StructuredInvoice)
    assert document.terms.format == DocumentFormat(expected)


@pytest.mark.parametrize(
    ("root", "namespace"),
    [
        ("Order", "urn:oasis:names:specification:ubl:schema:xsd:Order-2"),
        ("SCRDMCCBDACIOMessageStructure", "urn:un:unece:uncefact:data:SCRDMCCBDACIOMessageStructure:100"),
        ("Invoice", "urn:example:something"),
        ("Invoice", ""),
    ],
)
def test_other_roots_are_no_invoice(root: str, namespace: str) -> None:
    """An order is none, and the word Invoice alone makes none."""
    octets = f'<{root} xmlns="{namespace}"/>'.encode()

    (document,) = read_xml(octets, presented_as_xml=True)

    assert isinstance(document, NotAnInvoice)


def test_a_syntax_that_is_not_read_is_an_invoice_with_a_warning() -> None:
    """A FatturaPA is kept as an invoice although its content stays unknown."""
    octets = b'<p:FatturaElettronica xmlns:p="http://www.fatturapa.gov.it/sdi/fatturapa/v1.1"/>'

    (document,) = read_xml(octets, presented_as_xml=False)

    assert isinstance(document, StructuredInvoice)
    assert document.terms.structured
    assert [finding.code for finding in document.warnings] == ["format-not-read"]


def test_children_in_no_namespace_are_not_read() -> None:
    """An element without a namespace is no part of the syntax, whatever its name."""
    octets = cii().replace(
        b"<ram:BuyerReference>04011000-12345-34</ram:BuyerReference>", b"<BuyerReference>x</BuyerReference>"
    )

    (document,) = read_xml(octets, presented_as_xml=True)

    assert isinstance(document, StructuredInvoice)
    assert document.terms.buyer_reference is None
