"""Reads one leaf part: its octets, never its name or declared type, say what it is."""

from __future__ import annotations

from ingest.processing.interim_reading.pdf_document import read_pdf
from ingest.processing.interim_reading.results import Document, NotAnInvoice, Unreadable
from ingest.processing.interim_reading.xml_document import read_xml, seems_to_be_an_invoice
from ingest.processing.mime import Leaf

PDF, XML = "application/pdf", "application/xml"

_NO_DOCUMENT = Document(otherwise=NotAnInvoice(reason="it is neither XML nor PDF"))


def read_document(leaf: Leaf) -> Document:
    """The invoices of a leaf part, or why there is none. Never raises."""
    if leaf.media_type == PDF:
        return read_pdf(leaf.content, leaf.name)
    if leaf.media_type == XML or leaf.declared_type.endswith(("/xml", "+xml")):
        document = read_xml(leaf.content)
        if isinstance(document.otherwise, Unreadable) and not _matters(leaf):
            return Document(otherwise=NotAnInvoice(reason=document.otherwise.reason))
        return document
    return _NO_DOCUMENT


def _matters(leaf: Leaf) -> bool:
    """Whether broken XML may have been an invoice."""
    return seems_to_be_an_invoice(leaf.content) or leaf.name.lower().endswith(".xml")
