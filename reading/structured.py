"""Finds the invoice for machines in a document again, as an element of XML."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from reading.invoice_reading.pdf import embedded_xml, opens_like_pdf
from reading.invoice_reading.xml import opens_like_xml
from reading.invoice_reading.xml_document import invoice_roots, terms_of
from storage.records.reading import BusinessTerms, DocumentFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Structured:
    """An invoice for machines."""

    element: etree._Element
    format: DocumentFormat
    terms: tuple[BusinessTerms, ...]  # several where one document holds several invoices

    def position(self, number: str | None) -> int:
        """Where among them the invoice with this number (BT-1) is; 0 when none has it."""
        return next((place for place, one in enumerate(self.terms) if one.invoice_number == number), 0)


def structured_documents(content: bytes) -> tuple[Structured, ...]:
    """Every invoice for machines in a document: XML, also in an envelope, or embedded in a PDF. Never raises."""
    return tuple(
        Structured(element=element, format=syntax, terms=terms_of(element, syntax))
        for octets in _xml_in(content)
        for element, syntax in invoice_roots(octets)
    )


def structured(content: bytes, number: str | None, syntax: DocumentFormat) -> Structured | None:
    """The one that was read as the invoice with this number (BT-1) and syntax; None when there is none."""
    found = structured_documents(content)
    named = [one for one in found if any(terms.invoice_number == number for terms in one.terms)]
    best = [one for one in named if one.format == syntax]
    return next(iter([*best, *named, *(one for one in found if one.format == syntax), *found]), None)


def _xml_in(content: bytes) -> list[bytes]:
    if opens_like_xml(content):
        return [content]
    return list(embedded_xml(content)) if opens_like_pdf(content) else []
