"""What reading one document can yield: plain values, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from storage.records.reading import BusinessTerms, Finding, TermSource


class Evidence(IntEnum):
    """How much a PDF for people says that it is an invoice; the order counts."""

    SOMETHING_ELSE = 0  # its heading is that of another document: delivery note, reminder, terms of business
    NONE = 1  # neither text nor pictures say anything
    SCAN = 2  # pages are pictures without text: it may be one
    MENTION = 3  # an invoice word stands in the text or the file name
    INVOICE = 4  # it has the heading or the number of an invoice


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredInvoice:
    """An invoice that a machine can read: an XML document, or one embedded in a PDF."""

    terms: BusinessTerms
    embedded_name: str | None = None  # name inside the PDF
    relationship: str = ""  # AFRelationship inside the PDF (ISO 32000-2, 7.11.3)
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPdf:
    """A PDF without an invoice for machines; whether it is an invoice depends on the mail around it."""

    terms: BusinessTerms
    evidence: Evidence
    text: str
    sources: tuple[TermSource, ...] = ()
    warnings: tuple[Finding, ...] = ()
    trouble: str | None = None  # what is broken in it; it counts as unreadable where no page says invoice


@dataclass(frozen=True, slots=True)
class NotAnInvoice:
    """A document of another kind; `reason` in words for a person."""

    reason: str
    trade_document: bool = False  # an order, a delivery note ... in a syntax that has invoices too


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that seems to be an invoice document but cannot be read; `reason` in words for a person."""

    reason: str


Document = StructuredInvoice | PlainPdf | NotAnInvoice | Unreadable
