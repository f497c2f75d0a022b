"""Reads from the text of a PDF what unmistakable labels say, and leaves the rest unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ingest.processing.invoice_reading.check_digits import iban_at_start
from storage.records import BusinessTerms, DocumentFormat, Party

_FLAGS = re.IGNORECASE | re.MULTILINE | re.VERBOSE
# A label opens its line or column. After a word it may speak of another document: "zur Rechnung Nr. 4711".
_COLUMN = r"(?:^[^\S\n]*|[^\S\n]{2,}|\t|[\d:;|][^\S\n]+)"
_GAP = r"[^\S\n]*[:#]?[^\S\n]*"
_NUMBER_LABEL = (
    r"rechnungs?-?\ ?(?:nummer|nr\.?|no\.?|\#)|re-?nr\.?|gutschrifts?-?\ ?(?:nummer|nr\.?)"
    r"|invoice\ ?(?:number|num\.?|no\.?|nr\.?|id|\#)|credit\ (?:note|memo)\ (?:number|no\.?|\#)"
    r"|facture\ n[°o]\.?|num[ée]ro\ de\ facture|fattura\ n[°.]|factuurnummer"
)
# What may follow the value on its line: the next column, or a word that surely starts something new.
_END = r"(?=[.,;]?(?:[^\S\n]*$|[^\S\n]{2,}|\t|[^\S\n]+(?:vom|dated?|datum|du|del|of|from|rechnungsdatum|kunden|customer|invoice|seite|page|liefer|leistungs|due|order)))"
_NUMBER = re.compile(
    rf"{_COLUMN}(?P<label>{_NUMBER_LABEL}){_GAP}(?P<value>[A-Z0-9][A-Z0-9/_.\-]*[A-Z0-9]|\d){_END}", _FLAGS
)
_REFERENCE = re.compile(
    r"\b(?:zu|zur|der|die|ihre[rnms]?|unsere[rnms]?|diese[rnms]?|auf|mit|für|von|to|of|for|your|our|the|this|original|de|votre)\s*$",
    re.IGNORECASE,
)
_DATE_VALUE = r"(?P<value>\d{1,4}[./\-]\d{1,2}[./\-]\d{2,4}|\d{1,2}(?:\.|st|nd|rd|th)?\ [a-zäé]{3,9}\.?,?\ \d{4}|[a-z]{3,9}\.?\ \d{1,2}(?:st|nd|rd|th)?,?\ \d{4})(?![\w/])"
_ISSUE_DATE = re.compile(
    rf"{_COLUMN}(?:rechnungs-?datum|datum\ der\ rechnung|gutschriftsdatum|ausstellungsdatum|invoice\ date|date\ of\ (?:invoice|issue)|issue\ date|date\ de\ (?:la\ )?facture|(?:{_NUMBER_LABEL}){_GAP}\S+[^\S\n]+(?:vom|dated|du)){_GAP}{_DATE_VALUE}",
    _FLAGS,
)
_DUE_DATE = re.compile(
    rf"{_COLUMN}(?:fälligkeitsdatum|fälligkeit|fällig\ (?:am|bis)|zahlbar\ bis(?:\ zum)?|due\ date|payment\ due(?:\ date)?|date\ d['’]échéance){_GAP}{_DATE_VALUE}",
    _FLAGS,
)
_AMOUNT_VALUE = (
    r"(?:[A-Z]{3}|[€£])?[^\S\n]*(?P<value>-?\d{1,3}(?:[.,'’ ]\d{3})*[.,]\d{2}|-?\d+[.,]\d{2})(?!\d|[.,]\d)"
)
_TOTAL = re.compile(
    rf"{_COLUMN}(?:rechnungsbetrag|gesamtbetrag|gesamtsumme|bruttobetrag|rechnungssumme|invoice\ (?:total|amount)|grand\ total|total\ (?:amount\ )?(?:incl(?:uding|\.)?\ (?:vat|tax))|total\ ttc)(?:\ (?:brutto|\(brutto\)|gross|inkl\.?\ (?:mwst|ust)\.?|incl\.?\ vat))?(?:\ in)?{_GAP}{_AMOUNT_VALUE}",
    _FLAGS,
)
_DUE = re.compile(
    rf"{_COLUMN}(?:zahlbetrag|zu\ zahlen(?:der\ betrag)?|offener\ betrag|(?:total\ )?amount\ due|balance\ due|total\ due|amount\ payable|net\ à\ payer)(?:\ in)?{_GAP}{_AMOUNT_VALUE}",
    _FLAGS,
)
_MONEY = re.compile(
    r"\b(?P<before>[A-Z]{3}|€|£)[^\S\n]*\d[\d.,'’]*[.,]\d{2}\b|(?<![€£])\d[\d.,'’]*[.,]\d{2}[^\S\n]*(?P<after>[A-Z]{3}\b|€|£)|€[^\S\n]*(?P<euro>\d)"
)
_CURRENCIES = {"€": "EUR", "£": "GBP"} | {
    code: code
    for code in ("EUR", "USD", "GBP", "CHF", "DKK", "SEK", "NOK", "PLN", "CZK", "HUF", "RON", "BGN")
}
_VAT_ID = re.compile(
    r"\b(?P<whose>ihre|unsere|your|our|kunden-?|customer)[^\S\n]*(?:ust\.?-?[^\S\n]*id(?:-?nr|entnr|-nummer)?|umsatzsteuer-?id(?:-?nr|entifikationsnummer)?|vat[^\S\n]*(?:id|no|number|reg(?:istration)?(?:[^\S\n]*(?:no|number))?)?)\.?:?[^\S\n]*(?P<value>[A-Z]{2}[A-Z0-9]{8,12})\b",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\bIBAN[^A-Z0-9\n]{0,5}(?P<value>[A-Z]{2}\d{2}[A-Z0-9 \u00a0]{11,40})")
_DIRECT_DEBIT = re.compile(
    r"lastschrift|abgebucht|einzug|eingezogen|direct\s+debit|prélèvement", re.IGNORECASE
)
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

    Amounts stay as written ("1.190,00"), dates become ISO 8601. The kind of document (BT-3), the names and the
    order are not guessed. Never raises.
    """
    numbers = [match for match in _NUMBER.finditer(text) if not _refers_elsewhere(text, match)]
    terms = BusinessTerms(
        format=DocumentFormat.PDF,
        structured=False,
        invoice_number=_only(_number(match["value"]) for match in numbers),
        issue_date=_only(_iso(match["value"]) for match in _ISSUE_DATE.finditer(text)),
        currency=_currency(text),
        due_date=_only(_iso(match["value"]) for match in _DUE_DATE.finditer(text)),
        seller=Party(vat_id=_vat_id(text, ("unsere", "our"))),
        buyer=Party(vat_id=_vat_id(text, ("ihre", "your", "kunden", "kunden-", "customer"))),
        total_with_vat=_only(match["value"] for match in _TOTAL.finditer(text)),
        amount_due=_only(match["value"] for match in _DUE.finditer(text)),
        payee_accounts=_payee_accounts(text),
    )
    return LabelledTerms(terms, numbers[0].start("label") if numbers else None)


def _only(values: Iterable[str | None]) -> str | None:
    """The value that all occurrences agree on; one that cannot be read makes all of them doubtful."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def _refers_elsewhere(text: str, match: re.Match[str]) -> bool:
    """Whether the words before the label make it that of another document, also across a line break."""
    return _REFERENCE.search(text[max(0, match.start("label") - 40) : match.start("label")]) is not None


def _number(written: str) -> str | None:
    return written if any(sign.isdigit() for sign in written) and _iso(written) is None else None


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
    signs = (
        (match["before"] or match["after"] or ("€" if match["euro"] else ""))
        for match in _MONEY.finditer(text)
    )
    return _only(_CURRENCIES[sign] for sign in signs if sign in _CURRENCIES)


def _vat_id(text: str, whose: tuple[str, ...]) -> str | None:
    return _only(
        match["value"].upper() for match in _VAT_ID.finditer(text) if match["whose"].lower() in whose
    )


def _payee_accounts(text: str) -> tuple[str, ...]:
    """The seller's accounts (BT-84); none where a direct debit makes it possible that one is the buyer's."""
    if _DIRECT_DEBIT.search(text):
        return ()
    found = (iban_at_start(match["value"]) for match in _IBAN.finditer(text))
    return tuple(dict.fromkeys(iban for iban in found if iban))
