"""Parses XML from strangers: nothing is fetched, nothing is expanded, a document type is refused."""

from __future__ import annotations

import re

from lxml import etree

from ingest.processing.interim_reading.results import Unreadable

MAX_OCTETS = 50 * 1024**2
_PROLOG_OCTETS = 64 * 1024
_DOCTYPE = re.compile(rb"<\0?!\0?D\0?O\0?C\0?T\0?Y\0?P\0?E")  # in ASCII and in both orders of UTF-16
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")


def parse(octets: bytes) -> etree._Element | Unreadable:
    """The root element; the reason when there is none. Never raises."""
    if len(octets) > MAX_OCTETS:
        return Unreadable(reason=f"the XML is larger than {MAX_OCTETS // 1024**2} MB")
    if not octets.startswith(_UTF16):
        octets = octets.strip(b" \t\r\n\0")  # padding around the document harms nobody
    # Before the parser sees it: a document type can name files, addresses and entities that grow without end.
    if _DOCTYPE.search(octets, 0, _PROLOG_OCTETS):
        return _DOCTYPE_REFUSED
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(octets, parser)
    except (etree.XMLSyntaxError, ValueError, AssertionError) as error:
        return Unreadable(reason=f"the XML is not well-formed: {_first_line(error)}")
    if root is None:
        return Unreadable(reason="the XML has no root element")
    if root.getroottree().docinfo.doctype:
        return _DOCTYPE_REFUSED
    return root


def local_name(element: etree._Element) -> str:
    """An element's name without its namespace."""
    return etree.QName(element).localname


def texts(element: etree._Element, path: str, namespaces: dict[str, str]) -> list[str]:
    """The text of each element at `path`, without white space around it, empty ones left out."""
    found = element.findall(path, namespaces)
    return [text for one in found if (text := (one.text or "").strip())]


def first(element: etree._Element, path: str, namespaces: dict[str, str]) -> str | None:
    """The text of the first element at `path` that has any."""
    return next(iter(texts(element, path, namespaces)), None)


def folded(text: str | None) -> str | None:
    """A name with every run of white space as one space."""
    return " ".join(text.split()) if text else None


_DOCTYPE_REFUSED = Unreadable(reason="the XML has a document type (DOCTYPE), which no invoice needs")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].removesuffix(" (<string>, line 0)").replace("<string>, ", "")
