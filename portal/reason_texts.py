"""Why a mail was set aside, in the language of whoever reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from portal import wording
from storage.records.people import Language

_PLACE = re.compile(r"\\\{(\w+)\\\}")


def reason_text(reason: str, language: Language) -> str:
    """A reason that a program of ours wrote, in this language; what is not known, as it was written.

    Several are separated by semicolons, and one may be part of another.
    """
    if language is Language.ENGLISH:
        return reason
    whole = _known(reason, language)
    if whole is not None:
        return whole
    pieces = reason.split("; ")
    return "; ".join(_known(piece, language) or piece for piece in pieces)


def _known(reason: str, language: Language) -> str | None:
    for key, form in _forms().items():
        found = form.fullmatch(reason)
        if found is not None:
            said = found.groupdict()
            if "reason" in said:
                said["reason"] = reason_text(said["reason"], language)
            return wording.texts()[key][language].format(**said)
    return None


@cache
def _forms() -> Mapping[str, re.Pattern[str]]:
    """What each reason looks like in English; those with most words of their own first."""
    english = {
        key: both[Language.ENGLISH] for key, both in wording.texts().items() if key.startswith("reason.")
    }
    by_length = sorted(english.items(), key=lambda one: len(re.sub(r"\{\w+\}", "", one[1])), reverse=True)
    return {
        key: re.compile(_PLACE.sub(r"(?P<\1>.+?)", re.escape(text)), re.DOTALL) for key, text in by_length
    }
