"""Tells whether a PDF for people shows the same invoice as a structured document of its mail."""

from __future__ import annotations

import re
from pathlib import PurePath

from reading.invoice_reading.same_invoice import folded
from reading.invoice_reading.values import Evidence, PlainPdf
from storage.records.reading import BusinessTerms


def is_candidate(pdf: PlainPdf) -> bool:
    """Whether a PDF may show an invoice at all; drawn outlines leave neither text nor pictures to tell."""
    return pdf.evidence >= Evidence.SCAN or (pdf.evidence == Evidence.NONE and not pdf.text.strip())


def numbers_differ(pdf: PlainPdf, terms: BusinessTerms) -> bool:
    """Whether the PDF's labelled number is surely another one ("2026-17" and "RE 2026-17" are not)."""
    if pdf.terms.invoice_number is None or terms.invoice_number is None:
        return False
    shown, meant = folded(pdf.terms.invoice_number), folded(terms.invoice_number)
    return shown not in meant and meant not in shown


def shows_number(pdf: PlainPdf, terms: BusinessTerms) -> bool:
    """Whether the invoice number (BT-1) stands in the PDF, by its label or, if it is no everyday word, anywhere."""
    if terms.invoice_number is None or numbers_differ(pdf, terms):
        return False
    number = " ".join(terms.invoice_number.split())
    if pdf.terms.invoice_number is not None and folded(pdf.terms.invoice_number) == folded(number):
        return True
    if not _is_distinctive(number):
        return False
    pattern = r"\s*".join(re.escape(piece) for piece in number.split(" "))
    return re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", pdf.text, re.IGNORECASE) is not None


def same_stem(one: str, other: str) -> bool:
    """Whether two file names differ in their ending only ("rechnung-1.xml", "Rechnung-1.pdf")."""
    return PurePath(one).stem.casefold() == PurePath(other).stem.casefold()


def _is_distinctive(number: str) -> bool:
    """A "17" or a "2026" stands in many texts."""
    return any(sign.isdigit() for sign in number) and len(number) >= (5 if number.isdigit() else 4)
