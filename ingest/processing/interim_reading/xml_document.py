"""Reads an XML document: the root element, never a file name, says what it is."""

from __future__ import annotations

from lxml import etree

from ingest.processing.interim_reading import cii, ubl, zugferd1
from ingest.processing.interim_reading.results import Document, NotAnInvoice, Read, Unreadable
from ingest.processing.interim_reading.xml import local_name, parse
from storage.records import BusinessTerms, DocumentFormat, Finding

_KNOWN = (
    ("FatturaElettronica", "", DocumentFormat.FATTURAPA),
    ("Invoice", "http://www.ebinterface.at/schema/", DocumentFormat.EBINTERFACE),
    ("Facturae", "http://www.facturae", DocumentFormat.FACTURAE),
)
_TRACES = (b"Invoice", b"CreditNote", b"CrossIndustry", b"FatturaElettronica", b"Facturae")


def read_xml(octets: bytes) -> Document:
    root = parse(octets)
    if isinstance(root, Unreadable):
        return Document(otherwise=root)
    name, namespace = local_name(root), etree.QName(root).namespace or ""
    if name == cii.ROOT:
        return _invoice(cii.read(root))
    if (name, namespace) in (("Invoice", ubl.INVOICE_NAMESPACE), ("CreditNote", ubl.CREDIT_NOTE_NAMESPACE)):
        return _invoice(ubl.read(root))
    if name == zugferd1.ROOT:
        return _invoice(zugferd1.read(root))
    for known, start, syntax in _KNOWN:
        if name == known and namespace.startswith(start):
            return _not_read_yet(syntax)
    return Document(otherwise=NotAnInvoice(reason=f"its root element <{name[:100]}> is none of an invoice"))


def seems_to_be_an_invoice(octets: bytes) -> bool:
    text = octets[: 256 * 1024].replace(b"\0", b"")
    return any(trace in text for trace in _TRACES)


def _invoice(terms: BusinessTerms) -> Document:
    return Document(invoices=(Read(terms=terms),))


def _not_read_yet(syntax: DocumentFormat) -> Document:
    warning = Finding(
        code="format-not-read",
        text=f"The document is {syntax}; this version keeps it, but does not read it yet.",
    )
    return Document(
        invoices=(Read(terms=BusinessTerms(format=syntax, structured=True), warnings=(warning,)),)
    )
