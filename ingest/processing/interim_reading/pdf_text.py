"""Says of a PDF's text whether it is an invoice, and reads what it says beyond doubt.

A term is taken only where a label names it and all labels agree; wrong is not allowed, unknown is.
"""

from __future__ import annotations

import re
from datetime import date

from storage.records import BusinessTerms, DocumentFormat

_INVOICE = re.compile(
    r"\b(?:rechnung(?:s\w*)?|\w*(?:schluss|teil|abschlags|sammel|abschluss|storno|korrektur|monats)rechnung|gutschrift"
    r"|invoice|credit[ -]note|facture|avoir|fattura|nota di credito|factura|factuur)\b",
    re.IGNORECASE,
)
# A document that names itself so at its head is none, also where it mentions an invoice further down.
_OTHER = re.compile(
    r"(?:lieferschein|delivery note|packing (?:list|slip)|bon de livraison|mahnung|zahlungserinnerung|reminder"
    r"|kontoauszug|account statement|statement of account|angebot|quotation|kostenvoranschlag"
    r"|auftragsbest(?:ä|ae)tigung|order confirmation|bestellung|purchase order|bon de commande"
    r"|allgemeine gesch(?:ä|ae)ftsbedingungen|terms and conditions|conditions g(?:é|e)n(?:é|e)rales)\b",
    re.IGNORECASE,
)
_HEAD_LINES = 20
_TITLE_CHARACTERS = 60

_SEPARATOR = r"[ \t]*[:#]?[ \t]*"
_NUMBER = re.compile(
    r"\b(?:rechnungs?[ -]?(?:nummer|nr\b\.?)|rechnungsnr\b\.?|invoice[ ]?(?:number|no\b\.?|nr\b\.?|\#)"
    r"|num(?:é|e)ro de facture|facture n[°o]\.?|numero fattura|n(?:ú|u)mero de factura)"
    + _SEPARATOR
    + r"(?P<value>[A-Z0-9][A-Z0-9./_-]{0,38}[A-Z0-9])(?![\w./-]*[\w])",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:rechnungsdatum|invoice date|date of invoice|date de facture|data fattura|fecha de factura)"
    + _SEPARATOR
    + r"(?P<value>\d{1,2}\.\d{1,2}\.\d{4}|\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4})(?!\d)",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"\b(?:gesamtbetrag|rechnungsbetrag|bruttobetrag|gesamtsumme brutto|total amount|invoice total|grand total)"
    r"(?: brutto| \(brutto\)| incl\. vat| inkl\. (?:mwst|ust)\.?)?"
    + _SEPARATOR
    + r"(?P<before>EUR|USD|GBP|CHF|€|\$|£)?[ ]?(?P<value>-?\d[\d.,' ]*[.,]\d{2})(?!\d)[ ]?(?P<after>EUR|USD|GBP|CHF|€|£)?",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\bIBAN\b[ \t]*:?[ \t]*([A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){11,30})")
_CURRENCIES = {"€": "EUR", "£": "GBP"}  # "$" is the sign of many currencies
_IBAN_LENGTH_BOUNDS = (15, 34)  # ISO 13616


def is_invoice(text: str, file_name: str) -> bool:
    """Whether a text calls itself an invoice, or, where it says nothing, its file name does."""
    head = [line.strip() for line in text.splitlines() if line.strip()][:_HEAD_LINES]
    titles = [line for line in head if len(line) <= _TITLE_CHARACTERS]
    if any(_OTHER.match(line) for line in titles) and not any(_INVOICE.match(line) for line in titles):
        return False
    return bool(_INVOICE.search(text) or _INVOICE.search(re.sub(r"[\W_\d]+", " ", file_name)))


def read_text(text: str) -> BusinessTerms:
    """What the text says for certain; everything else is None."""
    total, currency = _total(text)
    return BusinessTerms(
        format=DocumentFormat.PDF,
        structured=False,
        invoice_number=_number(text),
        issue_date=_date(text),
        total_with_vat=total,
        currency=currency,
        payee_accounts=_ibans(text),
    )


def _number(text: str) -> str | None:
    found = {match["value"] for match in _NUMBER.finditer(text) if any(map(str.isdigit, match["value"]))}
    return found.pop() if len(found) == 1 else None


def _date(text: str) -> str | None:
    found = {_iso(match["value"]) for match in _DATE.finditer(text)}
    return found.pop() if len(found) == 1 else None


def _iso(value: str) -> str | None:
    numbers = [int(number) for number in re.split(r"\D", value)]
    if "-" in value:
        year, month, day = numbers
    else:
        day, month, year = numbers
    if "/" in value and day != month:
        if day <= 12 and month <= 12:
            return None  # 03/04/2026 is in March or in April
        if month > 12:
            day, month = month, day
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _total(text: str) -> tuple[str | None, str | None]:
    found = {
        (_decimal(match["value"]), _currency(match["before"] or match["after"]))
        for match in _TOTAL.finditer(text)
    }
    return found.pop() if len(found) == 1 else (None, None)


def _decimal(value: str) -> str:
    """With a decimal point and no grouping, since a text names its amounts in the way of its country."""
    whole, cents = value[:-3], value[-2:]
    return f"{re.sub(r'[^0-9-]', '', whole)}.{cents}"


def _currency(sign: str | None) -> str | None:
    return _CURRENCIES.get(sign, sign.upper() if sign.isalpha() else None) if sign else None


def _ibans(text: str) -> tuple[str, ...]:
    """The accounts whose check digits hold (ISO 13616, ISO 7064 MOD 97-10); a line may go on behind one."""
    found = {}
    for match in _IBAN.finditer(text):
        signs = "".join(match[1].split())
        shortest, longest = _IBAN_LENGTH_BOUNDS
        fitting = [
            signs[:length]
            for length in range(min(len(signs), longest), shortest - 1, -1)
            if _holds(signs[:length])
        ]
        if len(fitting) == 1:
            found[fitting[0]] = None
    return tuple(found)


def _holds(iban: str) -> bool:
    digits = "".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])
    return int(digits) % 97 == 1
