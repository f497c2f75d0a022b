"""Decides by its root element which syntax an XML document is of, and has it read."""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from ingest.processing.invoice_reading.cii import read_cii
from ingest.processing.invoice_reading.ubl import read_ubl
from ingest.processing.invoice_reading.values import NotAnInvoice, StructuredInvoice, Unreadable
from ingest.processing.invoice_reading.xml import BadXml, mentions, parse
from storage.records import BusinessTerms, DocumentFormat, Finding

_Reader = Callable[[etree._Element, DocumentFormat], BusinessTerms]

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_ORDER_X = "SCRDMCCBDACIO"
_UNECE = "urn:un:unece:uncefact:data:standard:"
_SYNTAXES: tuple[tuple[str, str, DocumentFormat, _Reader | None], ...] = (
    # local name, namespace as a pattern, format, who reads it
    ("CrossIndustryInvoice", _UNECE + r"CrossIndustryInvoice:\d+", DocumentFormat.CII, read_cii),
    ("Invoice", _UBL + "Invoice-2", DocumentFormat.UBL_INVOICE, read_ubl),
    ("CreditNote", _UBL + "CreditNote-2", DocumentFormat.UBL_CREDITNOTE, read_ubl),
    (
        "CrossIndustryDocument",
        r"urn:ferd:CrossIndustryDocument:invoice:1p0.*",
        DocumentFormat.ZUGFERD1,
        read_cii,
    ),
    ("Invoice", _UNECE + r"CBFBUY:\d+", DocumentFormat.OTHER, None),  # ZUGFeRD before 1.0
    ("Invoice|CrossIndustryDocument", r"urn:ferd:.*", DocumentFormat.OTHER, None),  # drafts of ZUGFeRD 1.0
    ("SelfBilled(Invoice|CreditNote)", _UBL + "SelfBilled(Invoice|CreditNote)-2", DocumentFormat.OTHER, None),
    ("FatturaElettronica(Semplificata)?", r"https?://.*fattur.*", DocumentFormat.FATTURAPA, None),
    ("Invoice", r"https?://www\.ebinterface\.at/schema/.*", DocumentFormat.EBINTERFACE, None),
    ("Facturae", r"https?://www\.facturae(\.gob)?\.es/.*", DocumentFormat.FACTURAE, None),
)
_INVOICE_WORDS = (
    *(b"CrossIndustry", b"specification:ubl", b"FatturaElettronica", b"ebinterface.at", b"Facturae"),
    *(b"<Invoice", b":Invoice", b"CreditNote"),
)


def read_xml(octets: bytes, *, presented_as_xml: bool) -> StructuredInvoice | NotAnInvoice | Unreadable:
    """Reads an XML document of any kind; what cannot be parsed matters if it seems to be an invoice.

    `presented_as_xml` says that the sender named or declared it XML. Never raises.
    """
    root = parse(octets)
    if isinstance(root, BadXml):
        if presented_as_xml or mentions(octets, _INVOICE_WORDS):
            return Unreadable(root.reason)
        return NotAnInvoice(root.reason)
    name = etree.QName(root)
    namespace = name.namespace or ""
    for local_name, pattern, syntax, reader in _SYNTAXES:
        if re.fullmatch(local_name, name.localname) and re.fullmatch(pattern, namespace):
            return _read(root, syntax, reader)
    return _something_else(name.localname, namespace)


def _read(root: etree._Element, syntax: DocumentFormat, reader: _Reader | None) -> StructuredInvoice:
    if reader is not None:
        return StructuredInvoice(terms=reader(root, syntax))
    name = etree.QName(root)
    text = f"the content of this kind of invoice is not read: {name.localname[:80]} of {(name.namespace or '')[:200]}"
    return StructuredInvoice(
        terms=BusinessTerms(format=syntax, structured=True),
        warnings=(Finding(code="format-not-read", text=text),),
    )


def _something_else(local_name: str, namespace: str) -> NotAnInvoice:
    if _ORDER_X in local_name:
        return NotAnInvoice("it is an order (Order-X), not an invoice", trade_document=True)
    origin = f" of {namespace[:200]}" if namespace else ""
    reason = f"it is an XML document <{local_name[:80]}>{origin}, not an invoice"
    return NotAnInvoice(reason, trade_document=namespace.startswith(_UBL))
