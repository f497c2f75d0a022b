"""Turns octets of a mail into text, whatever charset they claim (RFC 2046 4.1.2), and text into what can be stored."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

# Text codecs of Python that no mail means: slow on purpose-made input, or not charsets at all.
_NOT_CHARSETS = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"}
_ALIASES = {"x-sjis": "cp932", "ks_c_5601-1987": "cp949", "iso-8859-8-i": "iso8859-8", "gb2312": "gb18030"}
# What a browser reads there (WHATWG): senders say Latin-1 and write quotation marks and the euro of Windows.
_WIDER = {"ascii": "", "iso8859-1": "cp1252"}
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def text_of(octets: bytes, charset: str = "") -> str:
    """The text of octets in a charset; where it is unknown, UTF-8, else Windows-1252. Never raises."""
    codec = _codec(charset[:100].strip().lower())
    if codec:
        try:
            return octets.decode(codec)
        except (UnicodeError, ValueError):
            return octets.decode(codec, "replace")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return _western(octets)


def storable(text: str) -> str:
    """The text without what neither UTF-8 nor PostgreSQL can hold: lone surrogates become U+FFFD, NUL goes."""
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\0" else "\ufffd", text)


@lru_cache(maxsize=256)
def _codec(charset: str) -> str:
    """Python's name of a charset, empty where there is none that can be relied on."""
    try:
        found = codecs.lookup(_ALIASES.get(charset, charset))
    except (LookupError, ValueError):
        return ""
    is_text = getattr(found, "_is_text_encoding", True)  # CodecInfo has no public sign for it
    if not is_text or found.name in _NOT_CHARSETS:
        return ""
    return _WIDER.get(found.name, found.name)


def _western(octets: bytes) -> str:
    try:
        return octets.decode("cp1252")
    except UnicodeDecodeError:
        return octets.decode("latin-1")
