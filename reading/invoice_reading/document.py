"""Reads one leaf part by what it is, not by what it is called."""

from __future__ import annotations

from dataclasses import replace

from reading.invoice_reading.edifact import opens_like_edifact, read_edifact
from reading.invoice_reading.evidence import says_invoice
from reading.invoice_reading.pdf import opens_like_pdf, read_pdf
from reading.invoice_reading.values import Document, Evidence, NotAnInvoice, PlainPdf, Unreadable
from reading.invoice_reading.xml import opens_like_xml
from reading.invoice_reading.xml_document import read_xml
from reading.mime import Leaf

_XML_TYPES = {"application/xml", "text/xml"}


def read_document(leaf: Leaf) -> tuple[Document, ...]:
    """What a leaf part holds, at least one value; several only where a PDF has different invoices embedded.

    The content decides. Name and declared type matter only in this: what was presented as XML or PDF and cannot
    be read is unreadable, anything else is simply no invoice. Never raises.
    """
    name = leaf.name.lower()
    presented_as_xml = leaf.declared_type in _XML_TYPES or name.endswith(".xml")
    if opens_like_xml(leaf.content):
        return read_xml(leaf.content, presented_as_xml=presented_as_xml)
    if opens_like_pdf(leaf.content):
        return tuple(_with_name(document, leaf.name) for document in read_pdf(leaf.content))
    if opens_like_edifact(leaf.content):
        return read_edifact(leaf.content)
    if presented_as_xml:
        return read_xml(leaf.content, presented_as_xml=True)
    if leaf.declared_type == "application/pdf" or name.endswith(".pdf"):
        return (Unreadable("it is called a PDF but is none"),)
    return (NotAnInvoice("it is neither a PDF nor XML nor EDIFACT"),)


def _with_name(document: Document, name: str) -> Document:
    """Where a PDF's pages say nothing its file name may ("Rechnung_4711.pdf"), unless it is broken."""
    if not isinstance(document, PlainPdf) or document.evidence != Evidence.NONE:
        return document
    if document.trouble is not None:
        return Unreadable(document.trouble)
    return replace(document, evidence=Evidence.MENTION) if says_invoice(name) else document
