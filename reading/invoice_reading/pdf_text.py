"""Reads from the text of a PDF what unmistakable labels say, and leaves the rest unknown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial

from reading.invoice_reading.check_digits import iban_at_start
from reading.invoice_reading.pdf_labels import (
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
from storage.records.reading import BusinessTerms, Certainty, DocumentFormat, Party, TermSource

_CURRENCIES = {"€": "EUR", "£": "GBP"} | {
    code: code
    for code in ("EUR", "USD", "GBP", "CHF", "DKK", "SEK", "NOK", "PLN", "CZK", "HUF", "RON", "BGN")
}
_MOST_WORDS = 200  # characters of a source
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
    """The terms, each with the words it came from, and where the labelled invoice number begins (None without one)."""

    terms: BusinessTerms
    number_at: int | None
    sources: tuple[TermSource, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A value that all places agree on, and the first of them."""

    value: str
    text: str
    certainty: Certainty


def read_text(text: str) -> LabelledTerms:
    """What labels in German, English, French, Italian, Spanish and Dutch say; two values for one term make it unknown.

    A bare "Date" or "Total" counts only where no better label stands, and a total only if nothing in the text is more.
    Amounts become "1190.00" however a country groups them, dates ISO 8601. The kind of document (BT-3), the
    names and the order are not guessed. Never raises.
    """
    numbers = _own(NUMBER, text)
    day_first = DAY_FIRST.search(text) is not None
    found = {
        "BT-1": _only(numbers, _number)
        if numbers
        else _only(_own(WEAK_NUMBER, text), _number, Certainty.LIKELY),
        "BT-2": _date(text, ISSUE_DATE, day_first=day_first)
        if ISSUE_DATE.search(text)
        else _date(text, WEAK_DATE, day_first=day_first, certainty=Certainty.LIKELY),
        "BT-9": _date(text, DUE_DATE, day_first=day_first),
        "BT-31": _vat_id(text, _SELLERS),
        "BT-48": _vat_id(text, _BUYERS),
        "BT-115": _only(AMOUNT_DUE.finditer(text), _amount),
        **_totals(text),
    }
    known = {term: one for term, one in found.items() if one is not None}
    return LabelledTerms(
        _terms({term: one.value for term, one in known.items()}, _currency(text), _payee_accounts(text)),
        numbers[0].start("label") if numbers else None,
        tuple(
            TermSource(term=term, text=one.text, certainty=one.certainty)
            for term, one in sorted(known.items())
        ),
    )


def lacks_something(terms: BusinessTerms) -> bool:
    """Whether number, date or total is unknown, so that another look at the pages is worth its time."""
    return None in (terms.invoice_number, terms.issue_date, terms.total_with_vat)


def together(drawn: LabelledTerms, seen: LabelledTerms) -> LabelledTerms:
    """Two readings of the same pages, in the order in which they are drawn and line by line.

    What only one of them says counts; where they differ it is unknown.
    """
    one, other = _by_term(drawn.terms), _by_term(seen.terms)
    agreed = {
        term: value
        for term, value in (one | other).items()
        if one.get(term, value) == value and other.get(term, value) == value
    }
    sources = {source.term: source for source in (*seen.sources, *drawn.sources) if source.term in agreed}
    terms = _terms(agreed, drawn.terms.currency, drawn.terms.payee_accounts or seen.terms.payee_accounts)
    # Where it is in the first text is not known when only the second has it; that it is there is what counts.
    at = drawn.number_at if drawn.number_at is not None or terms.invoice_number is None else seen.number_at
    return LabelledTerms(terms, at, tuple(source for _, source in sorted(sources.items())))


def _terms(known: Mapping[str, str], currency: str | None, payee_accounts: tuple[str, ...]) -> BusinessTerms:
    return BusinessTerms(
        format=DocumentFormat.PDF,
        structured=False,
        invoice_number=known.get("BT-1"),
        issue_date=known.get("BT-2"),
        currency=currency,
        due_date=known.get("BT-9"),
        seller=Party(vat_id=known.get("BT-31")),
        buyer=Party(vat_id=known.get("BT-48")),
        total_without_vat=known.get("BT-109"),
        vat_total=known.get("BT-110"),
        total_with_vat=known.get("BT-112"),
        amount_due=known.get("BT-115"),
        payee_accounts=payee_accounts,
    )


def _by_term(terms: BusinessTerms) -> dict[str, str]:
    """The reverse of `_terms`, without what is unknown."""
    values = {
        "BT-1": terms.invoice_number,
        "BT-2": terms.issue_date,
        "BT-9": terms.due_date,
        "BT-31": terms.seller.vat_id,
        "BT-48": terms.buyer.vat_id,
        "BT-109": terms.total_without_vat,
        "BT-110": terms.vat_total,
        "BT-112": terms.total_with_vat,
        "BT-115": terms.amount_due,
    }
    return {term: value for term, value in values.items() if value is not None}


def _only(
    matches: Iterable[re.Match[str]],
    read: Callable[[str], str | None],
    certainty: Certainty = Certainty.LABELLED,
) -> _Found | None:
    """The value that all places agree on; one that cannot be read makes all of them doubtful."""
    places = [(read(_value(match)), match) for match in matches]
    if len({value for value, _ in places}) != 1:
        return None
    value, match = places[0]
    return _Found(value, _words(match), certainty) if value is not None else None


def _value(match: re.Match[str]) -> str:
    named = match.groupdict()
    return str(named["value"] or named.get("whole") or "")


def _words(match: re.Match[str]) -> str:
    return " ".join(match[0].split())[:_MOST_WORDS]


def _date(
    text: str, label: re.Pattern[str], *, day_first: bool, certainty: Certainty = Certainty.LABELLED
) -> _Found | None:
    return _only(label.finditer(text), partial(_iso, day_first=day_first), certainty)


def _totals(text: str) -> dict[str, _Found | None]:
    """BT-109, BT-110 and BT-112: by their labels, else a line in which two amounts add up to a third."""
    net = _only(TOTAL_WITHOUT_VAT.finditer(text), _amount)
    labels = [*TOTAL_WITH_VAT.finditer(text), *WITH_TAXES.finditer(text)]
    stated = {_amount(_value(match)) for match in labels}
    sums = {
        tuple(_amount(match[name]) for name in ("net", "vat", "value")): match
        for match in SUM_LINE.finditer(text)
    }
    adding = [
        (one, match) for one, match in sums.items() if Decimal(one[0]) + Decimal(one[1]) == Decimal(one[2])
    ]
    if len(adding) == 1 and stated <= {adding[0][0][2]}:
        amounts, match = adding[0]
        found = [_Found(amount, _words(match), Certainty.LABELLED) for amount in amounts]
        return dict(zip(("BT-109", "BT-110", "BT-112"), found, strict=True))
    if labels:
        return {"BT-109": net, "BT-112": _only(labels, _amount)}
    weak = _only(WEAK_TOTAL.finditer(text), _amount, Certainty.LIKELY)
    if weak and any(
        Decimal(_amount(match["value"])) > Decimal(weak.value) for match in ANY_AMOUNT.finditer(text)
    ):
        weak = None
    return {"BT-109": net, "BT-112": weak}


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
    found = {_CURRENCIES[sign] for sign in signs if sign in _CURRENCIES}
    return found.pop() if len(found) == 1 else None


def _vat_id(text: str, whose: tuple[str, ...]) -> _Found | None:
    return _only((match for match in VAT_ID.finditer(text) if match["whose"].lower() in whose), str.upper)


def _payee_accounts(text: str) -> tuple[str, ...]:
    """The seller's accounts (BT-84); none where a direct debit makes it possible that one is the buyer's."""
    if DIRECT_DEBIT.search(text):
        return ()
    found = (iban_at_start(match["value"]) for match in IBAN.finditer(text))
    return tuple(dict.fromkeys(iban for iban in found if iban))
