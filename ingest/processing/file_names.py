"""Makes file names safe to show and to write, always the same for the same mail."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

MAX_CHARACTERS = 200

_SEPARATORS = re.compile(r"[\\/:]+")
_SPACES = re.compile(r"\s+")
_FORBIDDEN = re.compile(r'[<>"|?*]')
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, bidi marks, surrogates, unassigned
_ENDINGS = {"application/xml": ".xml", "text/xml": ".xml", "application/pdf": ".pdf", "text/plain": ".txt"}


def safe_name(given: str | None, path: str, media_type: str) -> str:
    """The last component of a given name without what could mislead; made from position and type if there is none."""
    name = _SEPARATORS.split(given or "")[-1]
    name = "".join(" " if sign.isspace() else sign for sign in name)
    name = "".join(sign for sign in name if unicodedata.category(sign) not in _UNSEEN)
    name = _FORBIDDEN.sub("_", _SPACES.sub(" ", name)).strip(" .")
    if not name:
        name = f"part-{path.replace('/', '-')}{_ending(media_type)}"
    return _shortened(name)


class Names:
    """Hands out names, each once: the second "invoice.pdf" of a mail is "invoice-2.pdf"."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._next: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """The name itself, or the next free one like it."""
        wanted = name
        stem, dot, ending = name.rpartition(".")
        number = self._next.get(name.casefold(), 2)
        while wanted.casefold() in self._given:
            wanted = f"{stem}-{number}{dot}{ending}" if stem else f"{name}-{number}"
            number += 1
        self._next[name.casefold()] = number
        self._given.add(wanted.casefold())
        return wanted


def _shortened(name: str) -> str:
    if len(name) <= MAX_CHARACTERS:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > 10:
        return name[:MAX_CHARACTERS]
    return stem[: MAX_CHARACTERS - len(ending) - 1] + dot + ending


def _ending(media_type: str) -> str:
    return _ENDINGS.get(media_type) or mimetypes.guess_extension(media_type) or ".bin"
