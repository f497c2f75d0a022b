"""Reads texts of elements by path, whatever namespace version they are of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from lxml import etree

from storage.records.reading import Identifier

_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")


def children(element: etree._Element | None, path: str) -> Iterator[etree._Element]:
    """All elements at a path of local names ("A/B/C") below `element`, in document order.

    Any namespace will do, for each version of a syntax has its own; an element in none is no part of a syntax.
    """
    if element is None:
        return
    name, _, rest = path.partition("/")
    for found in element.iterchildren("{*}" + name):
        if not str(found.tag).startswith("{"):
            continue
        if rest:
            yield from children(found, rest)
        else:
            yield found


def child(element: etree._Element | None, *paths: str) -> etree._Element | None:
    """The first element at the first of the paths that exists."""
    return next((found for path in paths for found in children(element, path)), None)


def text_of(element: etree._Element | None) -> str | None:
    """The element's own text without comments and outer white space; None when there is none."""
    if element is None:
        return None
    # Only an element has text to a person; a comment in it cuts the text in two.
    pieces = [element.text or ""]
    pieces += [inner.tail or "" for inner in element if not isinstance(inner.tag, str)]
    return "".join(pieces).strip() or None


def texts(element: etree._Element | None, path: str) -> Iterator[str]:
    """The texts at a path, empty ones left out."""
    for found in children(element, path):
        text = text_of(found)
        if text is not None:
            yield text


def text(element: etree._Element | None, *paths: str) -> str | None:
    """The first text at these paths, None when all are missing or empty."""
    return next((found for path in paths for found in texts(element, path)), None)


def name_text(element: etree._Element | None, *paths: str) -> str | None:
    """As `text`, with each run of white space folded to one space."""
    found = text(element, *paths)
    return " ".join(found.split()) if found else None


def identifier(element: etree._Element) -> Identifier | None:
    """An identifier with its schemeID, None when it is empty."""
    value = text_of(element)
    return Identifier(scheme=(element.get("schemeID") or "").strip(), value=value) if value else None


def identifiers(element: etree._Element | None, path: str) -> Iterator[Identifier]:
    """All identifiers at a path."""
    for found in children(element, path):
        read = identifier(found)
        if read is not None:
            yield read


def first_identifier(element: etree._Element | None, path: str) -> Identifier | None:
    """The first identifier at a path."""
    return next(identifiers(element, path), None)


def amount_in(element: etree._Element | None, path: str, currency: str | None) -> str | None:
    """The amount at a path exactly as written; of several the one in `currency` (BT-110 beside BT-111)."""
    found = [(text_of(one), one.get("currencyID")) for one in children(element, path)]
    written = [(amount, unit) for amount, unit in found if amount is not None]
    matching = [amount for amount, unit in written if unit == currency]
    unmarked = [amount for amount, unit in written if not unit]
    return next(iter([*matching, *unmarked, *(amount for amount, _ in written)]), None)


def iso_date(written: str | None) -> str | None:
    """A date as YYYY-MM-DD from "2026-11-24", "2026-11-24T..." or CII's "20261124..." (UNTDID 2379 102, 203, 204).

    None when it is no date of the calendar.
    """
    if written is None:
        return None
    match = _ISO_DATE.match(written) or _COMPACT_DATE.match(written)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        return None


def attribute(element: etree._Element, name: str) -> str | None:
    """An attribute of this local name, whether it is in the element's namespace or in none; None when empty."""
    namespace = etree.QName(element).namespace
    written = element.get(name) or element.get(f"{{{namespace}}}{name}") or ""
    return written.strip() or None


def qualify(root: etree._Element) -> None:
    """Puts all elements in no namespace into that of the root: in some syntaxes only the root has one."""
    namespace = etree.QName(root).namespace
    for element in root.iter("{}*"):
        local_name = etree.QName(element).localname
        element.tag = f"{{{namespace}}}{local_name}"
