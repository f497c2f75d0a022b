"""Reads from the text of a PDF what unmistakable labels say, and leaves the rest unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ingest.processing.invoice_reading.check_digits import iban_at_start
from ingest.processing.invoice_reading.pdf_labels import (
    AMOUNT_DUE,
    DIRECT_DEBIT,
    DUE_DATE,
    IBAN,
    ISSUE_DATE,
    MONEY,
    NUMBER,
    REFERENCE,
    TOTAL_WITH_VAT,
    VAT_ID,
)
from storage.records import BusinessTerms, DocumentFormat, Party

_CURRENCIES = {"€": "EUR", "£": "GBP"} | {
    code: code
    for code in ("EUR", "USD", "GBP", "CHF", "DKK", "SEK", "NOK", "PLN", "CZK", "HUF", "RON", "BGN")
}
_BUYERS, _SELLERS = ("ihre", "your", "kunden", "customer"), ("unsere", "our")
_MONTHS = {
    month: number
    for number, names in enumerate(
        (
            *(
                "jan january januar jänner janvier",
                "feb february februar février",
                "mar mär mrz march märz mars",
            ),
            *("apr april avril", "may mai", "jun june juni juin", "jul july juli juillet", "aug august août"),
            *("sep sept september septembre", "oct okt october oktober octobre", "nov november novembre"),
            "dec dez december dezember décembre",
        ),
        start=1,
    )
    for month in names.split()
}


@dataclass(frozen=True, slots=True)
class LabelledTerms:
    """The terms, and where in the text the labelled invoice number begins (None when there is none)."""

    terms: BusinessTerms
    number_at: int | None


def read_text(text: str) -> LabelledTerms:
    """What labels in German and English (and a few others) say; two different values for one term make it unknown.

    Amounts become "1190.00" however a country groups them, dates ISO 8601. The kind of document (BT-3), the
    names and the order are not guessed. Never raises.
    """
    numbers = [match for match in NUMBER.finditer(text) if not _refers_elsewhere(text, match)]
    terms = BusinessTerms(
        format=DocumentFormat.PDF,
        structured=False,
        invoice_number=_only(_number(match["value"]) for match in numbers),
        issue_date=_only(_iso(match["value"]) for match in ISSUE_DATE.finditer(text)),
        currency=_currency(text),
        due_date=_only(_iso(match["value"]) for match in DUE_DATE.finditer(text)),
        seller=Party(vat_id=_vat_id(text, _SELLERS)),
        buyer=Party(vat_id=_vat_id(text, _BUYERS)),
        total_with_vat=_only(_amount(match["value"]) for match in TOTAL_WITH_VAT.finditer(text)),
        amount_due=_only(_amount(match["value"]) for match in AMOUNT_DUE.finditer(text)),
        payee_accounts=_payee_accounts(text),
    )
    return LabelledTerms(terms, numbers[0].start("label") if numbers else None)


def _only(values: Iterable[str | None]) -> str | None:
    """The value that all occurrences agree on; one that cannot be read makes all of them doubtful."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def _refers_elsewhere(text: str, match: re.Match[str]) -> bool:
    """Whether the words before the label make it that of another document, also across a line break."""
    return REFERENCE.search(text[max(0, match.start("label") - 40) : match.start("label")]) is not None


def _number(written: str) -> str | None:
    return written if any(sign.isdigit() for sign in written) and _iso(written) is None else None


def _amount(written: str) -> str:
    """Two decimals, a point before them, nothing between thousands: a text follows the habits of its country."""
    figures = "".join(sign for sign in written if sign.isdigit())
    return f"{'-' if written.startswith('-') else ''}{figures[:-2]}.{figures[-2:]}"


def _iso(written: str) -> str | None:
    """YYYY-MM-DD of a date in figures or words; None where day and month could be meant either way."""
    figures = [int(one) for one in re.findall(r"\d+", written)]
    if len(figures) == 2:
        month = _MONTHS.get(
            "".join(re.findall(r"[^\W\d_]+", re.sub(r"\d(?:st|nd|rd|th)\b", "", written.lower())))
        )
        return _calendar(max(figures), month or 0, min(figures))
    if len(figures) != 3:
        return None
    if figures[0] > 999:
        return _calendar(*figures)
    day, month, year = figures
    if "/" in written and max(day, month) <= 12 and day != month:
        return None
    if "/" in written and month > 12:
        day, month = month, day
    return _calendar(year + 2000 if year < 100 else year, month, day)


def _calendar(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat() if 1990 <= year <= 2100 else None
    except ValueError:
        return None


def _currency(text: str) -> str | None:
    """The only currency (BT-5) that amounts are in; a dollar sign may be that of many countries."""
    signs = (match["before"] or match["after"] for match in MONEY.finditer(text))
    return _only(_CURRENCIES[sign] for sign in signs if sign in _CURRENCIES)


def _vat_id(text: str, whose: tuple[str, ...]) -> str | None:
    return _only(match["value"].upper() for match in VAT_ID.finditer(text) if match["whose"].lower() in whose)


def _payee_accounts(text: str) -> tuple[str, ...]:
    """The seller's accounts (BT-84); none where a direct debit makes it possible that one is the buyer's."""
    if DIRECT_DEBIT.search(text):
        return ()
    found = (iban_at_start(match["value"]) for match in IBAN.finditer(text))
    return tuple(dict.fromkeys(iban for iban in found if iban))
