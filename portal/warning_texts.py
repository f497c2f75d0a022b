"""What a warning says in the language of whoever reads it."""

from __future__ import annotations

from portal import wording
from storage.records.people import Language
from storage.records.reading import Finding


def warning_text(warning: Finding, language: Language) -> str:
    """Our own sentence for a known code; else, and for the particulars, what was found at reading."""
    key = f"warning.{warning.code}"
    if language is Language.ENGLISH or key not in wording.texts():
        return warning.text[:1].upper() + warning.text[1:]
    return wording.say(language, key)
