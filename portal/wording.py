"""What the pages say, in German and English, and how both languages write dates, amounts and sizes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from storage.records.people import Language


def _zone() -> tzinfo:
    try:
        return ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:  # a machine without the time zone database
        return UTC


ZONE = _zone()  # whose days people count in
_LOCALES = {Language.GERMAN: "de_DE", Language.ENGLISH: "en_GB"}


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Every text by its key, "inbox.title", in each language; from all files of texts/."""
    found: dict[str, Mapping[str, str]] = {}
    for file in sorted(files("portal").joinpath("texts").iterdir(), key=lambda one: one.name):
        if file.name.endswith(".toml"):
            for room, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
                found |= {f"{room}.{key}": both for key, both in entries.items()}
    return found


def say(language: Language, key: str, /, **values: object) -> str:
    """The text `key` with its {places} filled. Raises KeyError for a text that is not there.

    With `count` other than 1, the text `key`_many is taken where there is one.
    """
    if values.get("count", 1) != 1 and f"{key}_many" in texts():
        key = f"{key}_many"
    return texts()[key][language].format(**values)


def day(language: Language, value: datetime | date | str | None) -> str:
    """A date as people write it; a text that is no ISO 8601 date stays as it is."""
    if value is None:
        return ""
    if isinstance(value, str):
        try:
            return day(language, date.fromisoformat(value))
        except ValueError:
            return value
    if isinstance(value, datetime):
        value = value.astimezone(ZONE).date()
    return _day(language, value)


@lru_cache(4096)  # a list writes the same days again and again
def _day(language: Language, value: date) -> str:
    return format_date(value, "dd.MM.yyyy" if language is Language.GERMAN else "d MMM y", _LOCALES[language])


def moment(language: Language, value: datetime) -> str:
    """An instant with its time of day, in the zone of ZONE."""
    pattern = "dd.MM.yyyy, HH:mm" if language is Language.GERMAN else "d MMM y, HH:mm"
    return format_datetime(value, pattern, tzinfo=ZONE, locale=_LOCALES[language])


@lru_cache(4096)  # the same amounts come every month
def amount(language: Language, value: str | None, currency: str | None = None) -> str:
    """An amount with its currency; what is no number stays as it was written."""
    if value is None:
        return ""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return f"{value} {currency or ''}".strip()
    if not number.is_finite():
        return value
    written = format_decimal(number, "#,##0.00######", _LOCALES[language], decimal_quantization=False)
    return f"{written}\N{NO-BREAK SPACE}{currency}" if currency else written


def size(language: Language, octets: int) -> str:
    """A file size."""
    value, units = Decimal(octets), ["B", "KB", "MB", "GB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        del units[0]
    unit = units[0]
    pattern = "#,##0" if value >= 100 or unit == "B" else "#,##0.#"
    return f"{format_decimal(value, pattern, _LOCALES[language])}\N{NO-BREAK SPACE}{unit}"


def days_left(now: datetime, until: datetime) -> int:
    """How many days are left, counted as people do: by the calendar of ZONE."""
    return max(0, (until.astimezone(ZONE).date() - now.astimezone(ZONE).date()).days)
