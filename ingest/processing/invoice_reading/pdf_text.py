"""Reads from the text of a PDF what unmistakable labels say, and leaves the rest unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from ingest.processing.invoice_reading.check_digits import iban_at_start
from ingest.processing.invoice_reading.pdf_labels import (
    AMOUNT_DUE,
    ANY_AMOUNT,
    DAY_FIRST,
    DIRECT_DEBIT,
    DUE_DATE,
    IBAN,
    ISSUE_DATE,
    MONEY,
    NUMBER,
    REFERENCE,
    SUM_LINE,
    TOTAL_WITH_VAT,
    TOTAL_WITHOUT_VAT,
    VAT_ID,
    WEAK_DATE,
    WEAK_NUMBER,
    WEAK_TOTAL,
    WITH_TAXES,
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
                "jan january januar jänner janvier januari gennaio enero",
                "feb february februar février februari febbraio febrero",
                "mar mär mrz march märz mars maart marzo",
                "apr april avril aprile abril",
                "may mai mei maggio mayo",
                "jun june juni juin giugno junio",
                "jul july juli juillet luglio julio",
                "aug august août augustus agosto",
            ),
            "sep sept september septembre settembre septiembre",
            "oct okt october oktober octobre ottobre octubre",
            "nov november novembre noviembre",
            "dec dez december dezember décembre dicembre diciembre",
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
    """What labels in German, English, French, Italian, Spanish and Dutch say; two values for one term make it unknown.

    A bare "Date" or "Total" counts only where no better label stands, and a total only if nothing in the text is more.
    Amounts become "1190.00" however a country groups them, dates ISO 8601. The kind of document (BT-3), the
    names and the order are not guessed. Never raises.
    """
    numbers = _own(NUMBER, text)
    weak = [] if numbers else _own(WEAK_NUMBER, text)
    day_first = DAY_FIRST.search(text) is not None
    net, vat, total = _totals(text)
    terms = BusinessTerms(
        format=DocumentFormat.PDF,
        structured=False,
        invoice_number=_only(_number(match["value"]) for match in (*numbers, *weak)),
        issue_date=_date(text, (ISSUE_DATE, WEAK_DATE), day_first=day_first),
        currency=_currency(text),
        due_date=_date(text, (DUE_DATE,), day_first=day_first),
        seller=Party(vat_id=_vat_id(text, _SELLERS)),
        buyer=Party(vat_id=_vat_id(text, _BUYERS)),
        total_without_vat=net,
        vat_total=vat,
        total_with_vat=total,
        amount_due=_only(_amount(match["value"]) for match in AMOUNT_DUE.finditer(text)),
        payee_accounts=_payee_accounts(text),
    )
    return LabelledTerms(terms, numbers[0].start("label") if numbers else None)


def lacks_something(terms: BusinessTerms) -> bool:
    """Whether number, date or total is unknown, so that another look at the pages is worth its time."""
    return None in (terms.invoice_number, terms.issue_date, terms.total_with_vat)


def together(drawn: LabelledTerms, seen: LabelledTerms) -> LabelledTerms:
    """Two readings of the same pages, in the order in which they are drawn and line by line.

    What only one of them says counts; where they differ it is unknown.
    """
    one, other = drawn.terms, seen.terms
    terms = replace(
        one,
        invoice_number=_agreed(one.invoice_number, other.invoice_number),
        issue_date=_agreed(one.issue_date, other.issue_date),
        due_date=_agreed(one.due_date, other.due_date),
        seller=Party(vat_id=_agreed(one.seller.vat_id, other.seller.vat_id)),
        buyer=Party(vat_id=_agreed(one.buyer.vat_id, other.buyer.vat_id)),
        total_without_vat=_agreed(one.total_without_vat, other.total_without_vat),
        vat_total=_agreed(one.vat_total, other.vat_total),
        total_with_vat=_agreed(one.total_with_vat, other.total_with_vat),
        amount_due=_agreed(one.amount_due, other.amount_due),
        payee_accounts=one.payee_accounts or other.payee_accounts,
        currency=one.currency,
    )
    # Where it is in the first text is not known when only the second has it; that it is there is what counts.
    at = drawn.number_at if drawn.number_at is not None or terms.invoice_number is None else seen.number_at
    return LabelledTerms(terms, at)


def _agreed(one: str | None, other: str | None) -> str | None:
    return _only(value for value in (one, other) if value is not None)


def _date(text: str, labels: Iterable[re.Pattern[str]], *, day_first: bool) -> str | None:
    """The date that the first of the labels names that stands in the text at all."""
    for label in labels:
        written = [match["value"] for match in label.finditer(text)]
        if written:
            return _only(_iso(one, day_first=day_first) for one in written)
    return None


def _totals(text: str) -> tuple[str | None, str | None, str | None]:
    """BT-109, BT-110 and BT-112: by their labels, else a line in which two amounts add up to a third."""
    net = _only(_amount(match["value"]) for match in TOTAL_WITHOUT_VAT.finditer(text))
    labelled = [_amount(match["value"] or match["whole"]) for match in TOTAL_WITH_VAT.finditer(text)]
    labelled += [_amount(match["value"]) for match in WITH_TAXES.finditer(text)]
    sums = {
        (_amount(match["net"]), _amount(match["vat"]), _amount(match["value"]))
        for match in SUM_LINE.finditer(text)
    }
    adding = [one for one in sums if Decimal(one[0]) + Decimal(one[1]) == Decimal(one[2])]
    if len(adding) == 1 and (not labelled or set(labelled) == {adding[0][2]}):
        return adding[0]
    if labelled:
        return net, None, _only(labelled)
    weak = _only(_amount(match["value"]) for match in WEAK_TOTAL.finditer(text))
    if weak is None or any(
        Decimal(_amount(match["value"])) > Decimal(weak) for match in ANY_AMOUNT.finditer(text)
    ):
        return net, None, None
    return net, None, weak


def _only(values: Iterable[str | None]) -> str | None:
    """The value that all occurrences agree on; one that cannot be read makes all of them doubtful."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def _own(label: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return [match for match in label.finditer(text) if not _refers_elsewhere(text, match)]


def _refers_elsewhere(text: str, match: re.Match[str]) -> bool:
    """Whether the words before the label make it that of another document, also across a line break."""
    return REFERENCE.search(text[max(0, match.start("label") - 40) : match.start("label")]) is not None


def _number(written: str) -> str | None:
    is_date = _iso(written) is not None and not any(sign.isalpha() for sign in written)
    return written if any(sign.isdigit() for sign in written) and not is_date else None


def _amount(written: str) -> str:
    """A point before the cents, nothing between thousands: a text follows the habits of its country."""
    figures = "".join(sign for sign in written if sign.isdigit())
    minus = "-" if written.startswith("-") else ""
    if written[-3:-2] in (".", ","):
        return f"{minus}{figures[:-2]}.{figures[-2:]}"
    return minus + figures


def _iso(written: str, *, day_first: bool = False) -> str | None:
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
    if "/" in written and max(day, month) <= 12 and day != month and not day_first:
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
