"""Holds what the pages of a PDF show people against what its invoice says to machines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from reading.invoice_reading.check_digits import IBAN_LENGTHS
from reading.invoice_reading.twins import numbers_differ
from reading.invoice_reading.values import PlainPdf
from storage.records.reading import BusinessTerms
from storage.records.validation import Severity, ValidationFinding

_IBAN = re.compile(r"(?<![A-Z0-9])([A-Z]{2}\d{2}(?: ?[A-Z0-9]){10,30})")
_VAT_ID = re.compile(r"(?<![A-Z0-9])((?:AT ?U|DE ?)(?:\d ?){8,9})(?!\d)")
_VAT_ID_DIGITS = {"DE": 9, "AT": 8}


def view_findings(terms: BusinessTerms, pages: PlainPdf) -> tuple[ValidationFinding, ...]:
    """Each term that the two views show differently; what the pages do not tell for sure is not judged."""
    return (*_labelled(terms, pages), *_vat_identifiers(terms, pages.text), *_accounts(terms, pages.text))


def _labelled(terms: BusinessTerms, pages: PlainPdf) -> Iterator[ValidationFinding]:
    shown = pages.terms
    if numbers_differ(pages, terms):
        yield _different("number", "BT-1", shown.invoice_number, terms.invoice_number)
    if shown.issue_date and terms.issue_date and shown.issue_date != terms.issue_date:
        yield _different("date", "BT-2", shown.issue_date, terms.issue_date)
    if shown.currency and terms.currency and shown.currency != terms.currency:
        yield _different("currency", "BT-5", shown.currency, terms.currency)
    ours, theirs = _size(shown.total_with_vat), _size(terms.total_with_vat)
    due = _size(terms.amount_due)
    if ours is not None and theirs is not None and ours not in (theirs, due):
        yield _different("total", "BT-112", shown.total_with_vat, terms.total_with_vat)


def _vat_identifiers(terms: BusinessTerms, text: str) -> Iterator[ValidationFinding]:
    """A stranger on the pages where one of the invoice is missing; only countries whose form is certain."""
    known = {_compact(one): term for one, term in _with_terms(terms) if one}
    written = [_compact(match[1]) for match in _VAT_ID.finditer(text)]
    on_pages = {one for one in written if sum(map(str.isdigit, one)) == _VAT_ID_DIGITS[one[:2]]}
    strangers = sorted(on_pages - known.keys())
    missing = [
        (one, term) for one, term in known.items() if one not in on_pages and one[:2] in _VAT_ID_DIGITS
    ]
    for (meant, term), stranger in zip(missing, strangers, strict=False):
        yield _different("vat-identifier", term, stranger, meant)


def _with_terms(terms: BusinessTerms) -> tuple[tuple[str | None, str], ...]:
    return (terms.seller.vat_id, "BT-31"), (terms.buyer.vat_id, "BT-48")


def _accounts(terms: BusinessTerms, text: str) -> Iterator[ValidationFinding]:
    """None of the accounts to pay to stands on pages that show other ones."""
    meant = {_compact(one) for one in terms.payee_accounts if _compact(one)[:2] in IBAN_LENGTHS}
    shown = {
        compact[: IBAN_LENGTHS[compact[:2]]]
        for match in _IBAN.finditer(text)
        if len(compact := _compact(match[1])) >= IBAN_LENGTHS.get(compact[:2], 99)
    }
    if meant and shown and not meant & shown:
        yield _different("iban", "BT-84", ", ".join(sorted(shown)), ", ".join(sorted(meant)))


def _different(what: str, term: str, shown: str | None, meant: str | None) -> ValidationFinding:
    return ValidationFinding(
        rule=f"views-differ-{what}",
        severity=Severity.WARNING,
        text=f'The PDF shows "{shown}", the invoice for machines says "{meant}" ({term}).',
        text_de=f"Das PDF zeigt „{shown}“, die maschinenlesbare Rechnung sagt „{meant}“ ({term}).",
        terms=(term,),
    )


def _compact(written: str) -> str:
    return "".join(sign for sign in written.upper() if sign.isalnum())


def _size(written: str | None) -> Decimal | None:
    """Without its sign: a credit note has a minus on paper."""
    try:
        return abs(Decimal(written)) if written else None
    except InvalidOperation:
        return None
