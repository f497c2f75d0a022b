"""Renders the invoice for machines in a document for people; pure, and never raises for what a document holds."""

from __future__ import annotations

from lxml import etree

from reading.invoice_reading.edifact import opens_like_edifact
from reading.rendering.composing import compose
from reading.rendering.html import page
from reading.rendering.messages import message_outline
from reading.rendering.outline import Outline, Where, outline, with_local_names
from reading.rendering.sheet import Sheet
from reading.rendering.where_cii import CII
from reading.rendering.where_cii import RENAMED as OF_ZUGFERD1
from reading.rendering.where_national import EBINTERFACE, FACTURAE, FATTURAPA
from reading.rendering.where_ubl import RENAMED as OF_CREDIT_NOTES
from reading.rendering.where_ubl import UBL
from reading.structured import Structured, structured
from storage.records.reading import DocumentFormat

LANGUAGES = ("de", "en")
_WHERE: dict[DocumentFormat, tuple[Where, dict[str, str]]] = {
    DocumentFormat.CII: (CII, {}),
    DocumentFormat.ZUGFERD1: (CII, OF_ZUGFERD1),
    DocumentFormat.OTHER: (CII, OF_ZUGFERD1),
    DocumentFormat.UBL_INVOICE: (UBL, {}),
    DocumentFormat.UBL_CREDITNOTE: (UBL, OF_CREDIT_NOTES),
    DocumentFormat.FATTURAPA: (FATTURAPA, {}),
    DocumentFormat.EBINTERFACE: (EBINTERFACE, {}),
    DocumentFormat.FACTURAE: (FACTURAE, {}),
}
# Elements of which each is an invoice of its own, where a document holds several.
_BODIES = {DocumentFormat.FATTURAPA: "FatturaElettronicaBody", DocumentFormat.FACTURAE: "Invoices/Invoice"}


def render_sheet(content: bytes, number: str | None, language: str) -> Sheet | None:
    """The invoice with this number (BT-1) in a document, else its first, in "de" or "en".

    None where the document holds none for machines.
    """
    found = structured(content, number, DocumentFormat.CII)
    if found is not None:
        return compose(_outline(found, number), language)
    if opens_like_edifact(content):
        return compose(message_outline(content, number), language)
    return None


def render(content: bytes, number: str | None, language: str, *, as_pdf: bool = False) -> bytes | None:
    """The same as one HTML page, or as a PDF."""
    sheet = render_sheet(content, number, language)
    if sheet is None:
        return None
    if as_pdf:
        from reading.rendering.pdf import drawn_as_pdf  # noqa: PLC0415  -- its libraries are large

        return drawn_as_pdf(sheet)
    return page(sheet)


def _outline(found: Structured, number: str | None) -> Outline:
    where, renamed = _WHERE[found.format]
    root = with_local_names(found.element, renamed)
    if found.format in _BODIES and len(found.terms) > 1:
        _keep_one(root, _BODIES[found.format], found.position(number))
    return outline(root, where)


def _keep_one(root: etree._Element, path: str, position: int) -> None:
    """Takes the other invoices of a document away; what is common to all stays."""
    for place, body in enumerate(root.findall(path)):
        parent = body.getparent()
        if place != position and parent is not None:
            parent.remove(body)
