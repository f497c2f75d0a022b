"""Writes values as people of a language write them: amounts, quantities, percentages, dates, codes."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal, get_currency_precision

from reading.invoice_reading.elements import iso_date
from reading.rendering.codes import in_words, unit_in_words
from reading.rendering.outline import Value

_LOCALES = {"de": Locale("de"), "en": Locale("en", "GB")}


def _terms(*ranges: int | tuple[int, int]) -> frozenset[str]:
    numbers = [
        number
        for one in ranges
        for number in (range(one[0], one[1] + 1) if isinstance(one, tuple) else (one,))
    ]
    return frozenset(f"BT-{number}" for number in numbers)


AMOUNTS = _terms(92, 93, 99, 100, (106, 117), 131, 136, 137, 141, 142, (146, 148))
QUANTITIES = _terms(129, 149)
PERCENTAGES = _terms(94, 96, 101, 103, 119, 138, 143, 152)
DATES = _terms(2, 7, 9, 26, (72, 74), 134, 135)
_CODE_TERMS = _terms(3, 21, 40, 55, 69, 80, 81, 95, 102, 118, 151, 159)
_PLAIN_NUMBER = re.compile(r"[+-]?\d{1,30}(?:\.\d{0,12})?")
_SCHEME_IS_THE_LABEL = _terms(31, 32, 48, 63)  # CII marks VAT identifiers and tax numbers by schemes
FILES = frozenset({"BT-125"})


def shown(value: Value, language: str, currency: str = "") -> str:
    """A value in words; `currency` is that of the document, which need not be said again."""
    term, text = value.term, value.text
    if term in AMOUNTS:
        amount = number(text, language, at_least=_decimals(value.currency or currency))
        return f"{amount} {value.currency}" if value.currency not in ("", currency) else amount
    if term in QUANTITIES:
        quantity = number(text, language)
        return f"{quantity} {unit_in_words(value.unit, language)}" if value.unit else quantity
    if term in PERCENTAGES:
        return f"{number(text, language)} %"
    if term in DATES:
        return day(text, language)
    if term in FILES:
        return _file(value, language)
    if term in _CODE_TERMS:
        words = in_words(term, text, language)
        return f"{words} ({text})" if words else text
    return f"{text} ({value.scheme})" if value.scheme and term not in _SCHEME_IS_THE_LABEL else text


def _decimals(currency: str) -> int:
    """How many an amount of this currency is written with (ISO 4217); two where nobody knows."""
    return int(get_currency_precision(currency))


def number(text: str, language: str, *, at_least: int = 0) -> str:
    """With as many decimals as were written, and no fewer than asked for; what is no plain number stays as it is."""
    if not _PLAIN_NUMBER.fullmatch(text):
        return text
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return text
    decimals = max(len(text.partition(".")[2]), at_least)
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return str(format_decimal(amount, format=pattern, locale=_LOCALES[language], decimal_quantization=False))


def day(text: str, language: str) -> str:
    """A date; what is none stays as it is."""
    found = iso_date(text)
    if found is None:
        return text
    return str(format_date(date.fromisoformat(found), format="medium", locale=_LOCALES[language]))


def _file(value: Value, language: str) -> str:
    octets = len("".join(value.text.split())) * 3 // 4
    size = number(str(max(1, round(octets / 1024))), language)
    about = ", ".join(filter(None, [value.media_type, f"{size} KiB"]))
    return f"{value.file_name} ({about})" if value.file_name else about
