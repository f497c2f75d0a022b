"""Parses XML that strangers wrote: no entity, no DTD, no network, no giant trees."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from lxml import etree

MOST_OCTETS = 50_000_000

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PROLOG_CHARACTERS = (
    200_000  # licence texts of 10,000 stand in comments; a longer prolog is judged once parsed
)
_SPACE_BEFORE_TAG = re.compile(
    rb"[ \t\r\n]+(?=<[^\0])"
)  # not in UTF-16, where half a character would be torn off
_DOCTYPE_REFUSED = "the XML has a DOCTYPE, which no invoice may have"


@dataclass(frozen=True, slots=True)
class BadXml:
    """Octets that are no acceptable XML; `reason` in words for a person."""

    reason: str


def parse(octets: bytes) -> etree._Element | BadXml:
    """The root element of an XML document in any encoding that libxml2 knows (XML 1.0, 4.3.3).

    White space before the declaration is tolerated. Anything with a DOCTYPE is refused: no invoice syntax has
    one, and lxml accepts `&x;` in silence even where entities are not resolved. Nesting and text sizes are
    bounded by libxml2 (256 levels, 10 MB a text), the whole by MOST_OCTETS. Never raises.
    """
    if len(octets) > MOST_OCTETS:
        return BadXml(f"the XML is larger than {MOST_OCTETS // 1_000_000} MB")
    document = _without_leading_space(octets)
    if not document:
        return BadXml("not well-formed XML: it is empty")
    if _has_doctype(_prolog(document)):
        return BadXml(_DOCTYPE_REFUSED)
    # A parser each time: lxml's parsers keep the log of what they read before.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except MemoryError:
        return BadXml("the XML needs too much memory")
    except (etree.XMLSyntaxError, ValueError, LookupError, AssertionError) as error:
        return BadXml(f"not well-formed XML: {_in_words(error)}")
    if root.getroottree().docinfo.internalDTD is not None:
        return BadXml(_DOCTYPE_REFUSED)
    return root


def opens_like_xml(octets: bytes) -> bool:
    """Whether the first sign after byte order mark and white space is `<`, in UTF-8, -16 or -32."""
    return _prolog(octets[:400]).lstrip().startswith("<")


def mentions(octets: bytes, words: tuple[bytes, ...]) -> bool:
    """Whether one of these ASCII words stands anywhere in the octets, in UTF-8, -16 or -32."""
    if any(word in octets for word in words):
        return True
    if b"\0" not in octets[:400]:
        return False
    narrow = octets.replace(b"\0", b"")
    return any(word in narrow for word in words)


def _without_leading_space(octets: bytes) -> bytes:
    if octets.startswith(codecs.BOM_UTF8):
        return octets[len(codecs.BOM_UTF8) :].lstrip()
    space = _SPACE_BEFORE_TAG.match(octets)
    return octets[space.end() :] if space else octets


def _prolog(octets: bytes) -> str:
    start = octets[: _PROLOG_CHARACTERS * 4]
    for mark, encoding in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return start.decode(encoding, "replace")[:_PROLOG_CHARACTERS].lstrip("\ufeff")
    # Without a mark the NULs tell UTF-16 and -32 from the rest; markup is ASCII in all others that we may meet.
    return start.replace(b"\0", b"").decode("latin-1")[:_PROLOG_CHARACTERS]


def _has_doctype(prolog: str) -> bool:
    """Walks over comments and processing instructions up to the first tag."""
    at = prolog.find("<")
    while at >= 0:
        if prolog.startswith("<!--", at):
            end = prolog.find("-->", at)
        elif prolog.startswith("<?", at):
            end = prolog.find("?>", at)
        else:
            return prolog.startswith("<!DOCTYPE", at)
        at = prolog.find("<", end) if end >= 0 else -1
    return False


def _in_words(error: Exception) -> str:
    text = error.msg if isinstance(error, etree.XMLSyntaxError) and error.msg else str(error)
    return " ".join(text.split())[:300] or "it cannot be parsed"
