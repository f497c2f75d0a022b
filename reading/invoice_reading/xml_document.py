"""Decides by its root element which syntax an XML document is of, and has it read."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence

from lxml import etree

from reading.invoice_reading.cii import read_cii
from reading.invoice_reading.ebinterface import read_ebinterface
from reading.invoice_reading.elements import qualify
from reading.invoice_reading.facturae import read_facturae
from reading.invoice_reading.fatturapa import read_fatturapa
from reading.invoice_reading.ubl import read_ubl
from reading.invoice_reading.values import NotAnInvoice, StructuredInvoice, Unreadable
from reading.invoice_reading.xml import BadXml, mentions, opens_like_xml, parse
from storage.records.reading import BusinessTerms, DocumentFormat, Finding

_Reader = Callable[[etree._Element, DocumentFormat], BusinessTerms | Sequence[BusinessTerms]]

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_ORDER_X = "SCRDMCCBDACIO"
_UNECE = "urn:un:unece:uncefact:data:standard:"
_SYNTAXES: tuple[tuple[str, str, DocumentFormat, _Reader], ...] = (
    # local name, namespace as a pattern, format, who reads it
    ("CrossIndustryInvoice", _UNECE + r"CrossIndustryInvoice:\d+", DocumentFormat.CII, read_cii),
    ("Invoice", _UBL + "Invoice-2", DocumentFormat.UBL_INVOICE, read_ubl),
    ("CreditNote", _UBL + "CreditNote-2", DocumentFormat.UBL_CREDITNOTE, read_ubl),
    ("SelfBilledInvoice", _UBL + "SelfBilledInvoice-2", DocumentFormat.UBL_INVOICE, read_ubl),
    ("SelfBilledCreditNote", _UBL + "SelfBilledCreditNote-2", DocumentFormat.UBL_CREDITNOTE, read_ubl),
    (
        "CrossIndustryDocument",
        r"urn:ferd:CrossIndustryDocument:invoice:1p0.*",
        DocumentFormat.ZUGFERD1,
        read_cii,
    ),
    ("FatturaElettronica(Semplificata)?", r"https?://.*fattur.*", DocumentFormat.FATTURAPA, read_fatturapa),
    ("Invoice", r"https?://www\.ebinterface\.at/schema/.*", DocumentFormat.EBINTERFACE, read_ebinterface),
    ("Facturae", r"https?://www\.facturae(\.gob)?\.es/.*", DocumentFormat.FACTURAE, read_facturae),
    ("Invoice", _UNECE + r"CBFBUY:\d+", DocumentFormat.OTHER, read_cii),  # ZUGFeRD before 1.0
    (
        "Invoice|CrossIndustryDocument",
        r"urn:ferd:.*",
        DocumentFormat.OTHER,
        read_cii,
    ),  # drafts of ZUGFeRD 1.0
)
# Only their root is in a namespace, or hardly more.
_UNQUALIFIED = {DocumentFormat.FATTURAPA, DocumentFormat.FACTURAE, DocumentFormat.OTHER}
# Envelopes that an exchange network or an authority puts around an invoice.
_ENVELOPES = ("StandardBusinessDocument", "AttachedDocument", "Envelope")
_ENVELOPE_LEVELS = 4
_MOST_INNER_OCTETS = 50_000_000
_INVOICE_WORDS = (
    *(b"CrossIndustry", b"specification:ubl", b"FatturaElettronica", b"ebinterface.at", b"Facturae"),
    *(b"<Invoice", b":Invoice", b"CreditNote"),
)


def read_xml(
    octets: bytes, *, presented_as_xml: bool
) -> tuple[StructuredInvoice | NotAnInvoice | Unreadable, ...]:
    """Reads an XML document of any kind, at least one value; what cannot be parsed matters if it seems an invoice.

    `presented_as_xml` says that the sender named or declared it XML. Several values are several invoices. Never
    raises.
    """
    root = parse(octets)
    if isinstance(root, BadXml):
        if presented_as_xml or mentions(octets, _INVOICE_WORDS):
            return (Unreadable(root.reason),)
        return (NotAnInvoice(root.reason),)
    found: tuple[StructuredInvoice | NotAnInvoice | Unreadable, ...] = _known(root)
    if not found and etree.QName(root).localname in _ENVELOPES:
        found = _inside(root)
    return found or (_something_else(root),)


def invoice_roots(octets: bytes) -> tuple[tuple[etree._Element, DocumentFormat], ...]:
    """The elements of an XML document that are invoices, each with its syntax; also those inside an envelope.

    Never raises.
    """
    root = parse(octets)
    if isinstance(root, BadXml):
        return ()
    level = [root]
    for _ in range(1 + _ENVELOPE_LEVELS):
        found = tuple((one, syntax) for one in level if (syntax := _syntax_of(one)) is not None)
        if found or etree.QName(root).localname not in _ENVELOPES:
            return found
        level = [child for one in level for child in one.iterchildren(etree.Element)]
    for element in root.iterdescendants("{*}Description", "{*}EmbeddedDocumentBinaryObject"):
        inner = _document_in(element)
        if inner and (documents := invoice_roots(inner)):
            return documents
    return ()


def terms_of(root: etree._Element, syntax: DocumentFormat) -> tuple[BusinessTerms, ...]:
    """What an element of `invoice_roots` says; several where it holds several invoices. Never raises."""
    return tuple(one.terms for one in _known(root) if one.terms.format == syntax)


def _syntax_of(root: etree._Element) -> DocumentFormat | None:
    name = etree.QName(root)
    for local_name, pattern, syntax, _ in _SYNTAXES:
        if re.fullmatch(local_name, name.localname) and re.fullmatch(pattern, name.namespace or ""):
            return syntax
    return None


def _known(root: etree._Element) -> tuple[StructuredInvoice, ...]:
    name = etree.QName(root)
    namespace = name.namespace or ""
    for local_name, pattern, syntax, reader in _SYNTAXES:
        if re.fullmatch(local_name, name.localname) and re.fullmatch(pattern, namespace):
            return _read(root, syntax, reader)
    return ()


def _inside(envelope: etree._Element) -> tuple[StructuredInvoice | NotAnInvoice | Unreadable, ...]:
    """The invoices in an envelope: as elements of it, or as a whole document in its text (UBL AttachedDocument)."""
    level = [envelope]
    for _ in range(_ENVELOPE_LEVELS):
        level = [child for element in level for child in element.iterchildren(etree.Element)]
        found = tuple(invoice for element in level for invoice in _known(element))
        if found:
            return found
    for element in envelope.iterdescendants("{*}Description", "{*}EmbeddedDocumentBinaryObject"):
        inner = _document_in(element)
        if inner:
            documents = read_xml(inner, presented_as_xml=False)
            if any(isinstance(one, StructuredInvoice) for one in documents):
                return documents
    return ()


def _document_in(element: etree._Element) -> bytes | None:
    text = (element.text or "").strip()
    if etree.QName(element).localname == "Description":
        return text.encode() if text.startswith("<") else None
    try:
        octets = base64.b64decode(text)
    except ValueError:
        return None
    return octets if len(octets) <= _MOST_INNER_OCTETS and opens_like_xml(octets) else None


def _read(root: etree._Element, syntax: DocumentFormat, reader: _Reader) -> tuple[StructuredInvoice, ...]:
    if syntax in _UNQUALIFIED:
        qualify(root)
    read = reader(root, syntax)
    each = (read,) if isinstance(read, BusinessTerms) else tuple(read)
    if not each:
        name = etree.QName(root)
        text = (
            "the content of this kind of invoice is not read: "
            f"{name.localname[:80]} of {(name.namespace or '')[:200]}"
        )
        return (
            StructuredInvoice(
                terms=BusinessTerms(format=syntax, structured=True),
                warnings=(Finding(code="format-not-read", text=text),),
            ),
        )
    return tuple(StructuredInvoice(terms=one) for one in each)


def _something_else(root: etree._Element) -> NotAnInvoice:
    local_name, namespace = etree.QName(root).localname, etree.QName(root).namespace or ""
    if _ORDER_X in local_name:
        return NotAnInvoice("it is an order (Order-X), not an invoice", trade_document=True)
    origin = f" of {namespace[:200]}" if namespace else ""
    reason = f"it is an XML document <{local_name[:80]}>{origin}, not an invoice"
    return NotAnInvoice(reason, trade_document=namespace.startswith(_UBL))
