"""Makes file names safe to show and to write, always the same for the same mail."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 200
_MAX_GIVEN = 2000
_MAX_LOOKED_AT = 500  # the last component; looking at each sign takes its time
_MAX_ENDING = 10

_SEPARATORS = re.compile(r"[\\/:\u2044\u2215\u29f8\uff0f\uff3c]+")  # the last ones look like a slash
_FORBIDDEN = re.compile(r'[<>"|?*\u2028\u2029]')
# A table of our own: that of the standard library differs from machine to machine.
_ENDINGS = {
    "application/gzip": ".gz",
    "application/json": ".json",
    "application/ms-tnef": ".dat",
    "application/pdf": ".pdf",
    "application/pgp-signature": ".asc",
    "application/pkcs7-mime": ".p7m",
    "application/pkcs7-signature": ".p7s",
    "application/x-pkcs7-signature": ".p7s",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/tiff": ".tif",
    "message/delivery-status": ".txt",
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/css": ".css",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/rfc822-headers": ".txt",
    "text/xml": ".xml",
}


def safe_name(given: str | None, path: str, media_type: str) -> str:
    """The last component of a given name without what could mislead; made from position and type if there is none."""
    # Composed, so that the same name written on a Mac and elsewhere is the same.
    composed = unicodedata.normalize("NFC", (given or "")[:_MAX_GIVEN])
    name = _SEPARATORS.split(composed.rstrip("\\/: "))[-1]
    name = _shortened(name, _MAX_LOOKED_AT)
    if not name.isprintable():  # controls, bidi marks, surrogates, unassigned
        name = "".join(sign if sign.isprintable() else " " if sign.isspace() else "" for sign in name)
    name = " ".join(_FORBIDDEN.sub("_", name).split()).strip(" .")
    if not name:
        name = f"part-{path.replace('/', '-')}{_ending(media_type)}"
    return _shortened(name, MAX_CHARACTERS)


def _ending(media_type: str) -> str:
    return _ENDINGS.get(media_type) or (".txt" if media_type.startswith("text/") else ".bin")


class Names:
    """Hands out names, each once: the second "invoice.pdf" of a mail is "invoice-2.pdf"."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._next: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """The name itself, or the next free one like it; upper and lower case do not count as different."""
        wanted = name
        number = self._next.get(name.casefold(), 2)
        while wanted.casefold() in self._given:
            wanted = _numbered(name, number)
            number += 1
        self._next[name.casefold()] = number
        self._given.add(wanted.casefold())
        return wanted


def _numbered(name: str, number: int) -> str:
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    suffix = f"-{number}{dot}{ending}"
    if len(suffix) >= MAX_CHARACTERS // 2:  # what stands behind the last full stop is no ending
        stem, suffix = name, f"-{number}"
    return stem[: MAX_CHARACTERS - len(suffix)] + suffix


def _shortened(name: str, most: int) -> str:
    if len(name) <= most:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > _MAX_ENDING:
        return name[:most].rstrip(" .")
    return stem[: most - len(ending) - 1] + dot + ending
