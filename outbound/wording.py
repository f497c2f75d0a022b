"""How amounts, dates and codes are written in a mail."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from storage.records.people import Language

ZONE = ZoneInfo("Europe/Berlin")  # whose days people count in
_LOCALES = {Language.GERMAN: "de_DE", Language.ENGLISH: "en_GB"}


def written_date(value: str | date | None, language: Language) -> str:
    """A date as people write it; what is no ISO 8601 date stays as it is."""
    if value is None:
        return ""
    if isinstance(value, str):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            return value
    else:
        day = value.astimezone(ZONE).date() if isinstance(value, datetime) else value
    return format_date(day, "long", _LOCALES[language])


def written_amount(amount: str | None, currency: str | None, language: Language) -> str:
    """An amount with its currency; what is no number stays as it is."""
    if amount is None:
        return ""
    try:
        number = Decimal(amount)
    except InvalidOperation:
        return f"{amount} {currency or ''}".strip()
    if not number.is_finite() or abs(number.adjusted()) > 30:
        return f"{amount} {currency or ''}".strip()
    if currency and len(currency) == 3 and currency.isascii() and currency.isalpha():
        return format_currency(number, currency.upper(), locale=_LOCALES[language])
    return format_decimal(number, "#,##0.00", locale=_LOCALES[language])


def written_code(code: str) -> str:
    """A code in two groups, which people copy without a mistake."""
    half = len(code) // 2
    return f"{code[:half]} {code[half:]}"
