"""What reading one document can yield."""

from __future__ import annotations

from dataclasses import dataclass

from storage.records import BusinessTerms, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One invoice that a document holds."""

    terms: BusinessTerms
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAnInvoice:
    """The document could be read, and it is something else."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """The document may be an invoice, and it cannot be read."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """All that one document holds."""

    invoices: tuple[Read, ...] = ()
    otherwise: NotAnInvoice | Unreadable | None = None  # set when there is no invoice
    text: str = ""  # of a PDF, as far as it was needed; for finding its twin
    evident: bool = True  # False: a PDF that is an invoice only if nothing else in the mail is
