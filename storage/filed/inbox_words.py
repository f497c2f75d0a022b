"""By which words an invoice is found, and by what it is sorted; pure functions of what it says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import PurePath

MOST_WORDS = 60  # of one invoice; more would be the sender's way to fill our database
MOST_CHARACTERS = 40  # of a word that counts
UNKNOWN_AMOUNT = -(2**63)  # sorts below all others
_LARGEST_AMOUNT = 2**62

_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_WORD = re.compile(r"[^\W_]+")
_AMOUNT = re.compile(r"(?<![\w.,'])(?:\d{1,3}(?:[.,']\d{3})+|\d+)[.,]\d{2}(?![\w.,'])")


def folded(text: str) -> str:
    """A text without case and accents, "Müller" as "mueller"."""
    german = unicodedata.normalize("NFC", text.casefold()).translate(_GERMAN)
    apart = unicodedata.normalize("NFKD", german)
    return "".join(sign for sign in apart if not unicodedata.combining(sign)).casefold()


def sort_key(name: str | None) -> str:
    """What names are sorted by; unknown ones come first."""
    return " ".join(folded(name or "").split())[:200]


def cents(total: str | None) -> int:
    """An amount in hundredths, for sorting and comparing only; UNKNOWN_AMOUNT for what is none."""
    try:
        value = Decimal(total or "")
        hundredths = int((value * 100).to_integral_value()) if value.is_finite() else UNKNOWN_AMOUNT
    except (InvalidOperation, OverflowError, ValueError):
        return UNKNOWN_AMOUNT
    return hundredths if abs(hundredths) <= _LARGEST_AMOUNT else UNKNOWN_AMOUNT


def words_of(*, number: str | None, total: str | None, texts: Iterable[str | None]) -> list[str]:
    """The words of an invoice, each once, in their order.

    A number counts whole and in its pieces: RE-2026-17 is found by "re202617", by "2026" and by "17".
    """
    found: dict[str, None] = {}
    if number:
        found |= dict.fromkeys(_split(number))
        found |= dict.fromkeys(_cut("".join(_WORD.findall(folded(number)))))
    amount = cents(total)
    if amount != UNKNOWN_AMOUNT:
        found |= dict.fromkeys([_amount_word(amount), str(abs(amount) // 100)])
    for text in texts:
        found |= dict.fromkeys(_split(text or ""))
    return list(found)[:MOST_WORDS]


def words_asked(text: str) -> list[str]:
    """What somebody looks for: beginnings of words, all of which have to be there.

    An amount with its cents, as German or English people write it, is that amount and nothing else.
    """
    found: dict[str, None] = {}
    rest = text[:400]
    for amount in _AMOUNT.findall(rest):
        rest = rest.replace(amount, " ", 1)
        found[_amount_word(int(re.sub(r"\D", "", amount)))] = None
    found |= dict.fromkeys(_split(rest))
    return list(found)[:10]


def document_words(name: str | None) -> str:
    """Of a document's name what is before its ending."""
    return PurePath(name or "").stem


def _amount_word(hundredths: int) -> str:
    # No word begins with this sign, so no beginning of an amount is found by accident.
    return f"={abs(hundredths)}="[:MOST_CHARACTERS]


def _split(text: str) -> list[str]:
    return [word[:MOST_CHARACTERS] for word in _WORD.findall(folded(text)[:4000])]


def _cut(word: str) -> list[str]:
    return [word[:MOST_CHARACTERS]] if word else []
