"""Checks of our own: numbers that cannot exist, dates and sums that cannot be right, in any format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from stdnum import iban
from stdnum.eu import vat

from storage.records.reading import BusinessTerms
from storage.records.validation import Severity, ValidationFinding
from validation.profiles import SYNTAXES

_IBAN_LIKE = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{8,30}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CENT = Decimal("0.01")


def content_findings(terms: BusinessTerms) -> tuple[ValidationFinding, ...]:
    """What cannot be right in the terms of an invoice; what is unknown is not judged."""
    return (*_vat_identifiers(terms), *_accounts(terms), *_dates(terms), *_sums(terms))


def _vat_identifiers(terms: BusinessTerms) -> Iterator[ValidationFinding]:
    parties = ((terms.seller, "BT-31", "seller", "Verkäufers"), (terms.buyer, "BT-48", "buyer", "Käufers"))
    for party, term, english, german in parties:
        written = party.vat_id
        if written is None or may_be_vat_identifier(written):
            continue
        yield _finding(
            "vat-identifier",
            f'The VAT identifier of the {english}, "{written[:40]}", cannot exist: its form or check digits are wrong.',
            f"Die USt-IdNr. des {german}, „{written[:40]}“, kann es nicht geben: Form oder Prüfziffern stimmen nicht.",
            term,
        )


def may_be_vat_identifier(written: str) -> bool:
    """Whether form and check digits are right; those of countries outside the EU are taken as they are."""
    compact = "".join(sign for sign in written.upper() if sign.isalnum())
    country = compact[:2]
    if not _COUNTRY.fullmatch(country):
        return False
    if country.lower() not in vat.MEMBER_STATES and country != "EL":
        return True
    return bool(vat.is_valid(compact))


def _accounts(terms: BusinessTerms) -> Iterator[ValidationFinding]:
    for written in terms.payee_accounts:
        compact = "".join(written.upper().split())
        if _IBAN_LIKE.fullmatch(compact) and not iban.is_valid(compact, check_country=False):
            yield _finding(
                "iban",
                f'The account "{written[:40]}" is no IBAN that can exist: its check digits are wrong.',
                f"Das Konto „{written[:40]}“ ist keine IBAN, die es geben kann: Die Prüfziffern stimmen nicht.",
                "BT-84",
            )


def _dates(terms: BusinessTerms) -> Iterator[ValidationFinding]:
    if terms.due_date and terms.issue_date and terms.due_date < terms.issue_date:
        yield _finding(
            "due-before-issue",
            f"It is due on {terms.due_date}, before it was issued on {terms.issue_date}.",
            f"Sie ist am {terms.due_date} fällig, vor ihrem Rechnungsdatum {terms.issue_date}.",
            *("BT-9", "BT-2"),
            severity=Severity.WARNING,
        )


def _sums(terms: BusinessTerms) -> Iterator[ValidationFinding]:
    """Where the rules of EN 16931 do not say it (BR-CO-15)."""
    if terms.format in SYNTAXES:
        return
    net, tax, total = map(_amount, (terms.total_without_vat, terms.vat_total, terms.total_with_vat))
    if net is None or tax is None or total is None or abs(abs(net + tax) - abs(total)) <= 2 * _CENT:
        return
    yield _finding(
        "sums",
        f"The total without VAT ({net}) and the VAT ({tax}) do not add up to the total with VAT ({total}).",
        f"Gesamtbetrag ohne Umsatzsteuer ({net}) und Umsatzsteuer ({tax}) ergeben nicht den mit ({total}).",
        *("BT-109", "BT-110", "BT-112"),
        # What a plain PDF says may be read wrongly; and in some countries taxes are withheld from the total.
        severity=Severity.WARNING,
    )


def _amount(written: str | None) -> Decimal | None:
    try:
        amount = Decimal(written) if written else None
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() else None


def _finding(
    rule: str, text: str, text_de: str, *terms: str, severity: Severity = Severity.ERROR
) -> ValidationFinding:
    return ValidationFinding(rule=rule, severity=severity, text=text, text_de=text_de, terms=terms)
