"""The readable page of every invoice for machines in the corpus: nothing of the XML is missing from it."""

from __future__ import annotations

import html
import re

import pytest
from lxml import etree

from reading.rendering.outline import with_local_names
from reading.rendering.rendering import LANGUAGES, render
from reading.rendering.shown import day, number
from reading.structured import structured
from storage.records.reading import DocumentFormat
from tests.corpus.truth import INVOICES, READ_IN_FULL, Row, rows

pytestmark = pytest.mark.corpus

_ROWS = [row for row in rows() if row["format"] in READ_IN_FULL and row["container"] != "p7m"]
# Said by the heading that they stand under; see docs/validation.md.
_SAID_OTHERWISE = ("ChargeIndicator", "Indicator", "TypeCode", "DocumentTypeCode")
_FILES = ("AttachmentBinaryObject", "EmbeddedDocumentBinaryObject", "Attachment")
_ALL_TERMS = {f"BT-{one}" for one in range(1, 166)} - {"BT-4", "BT-150", "BT-161"}  # the latter: in others


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _said_otherwise(element: etree._Element) -> bool:
    if element.tag in _FILES or element.tag in _SAID_OTHERWISE:
        return True
    parent = element.getparent()
    return element.tag == "ID" and parent is not None and parent.tag == "TaxScheme"


def _ways(text: str, language: str) -> set[str]:
    """As it stands, or as a number or a date of the language, or a part of it that is cut on purpose."""
    return {_squeezed(one) for one in (text, number(text, language), day(text, language), text[:200])}


def _told(text: str, shown: str, language: str) -> bool:
    """Whether a page says it; of a note of UBL that begins with the code of its subject, both."""
    coded = re.fullmatch(r"#([A-Z]{2,3})#(.*)", text, re.DOTALL)
    parts = [coded[2], coded[1]] if coded else [text]
    return all(any(way in shown for way in _ways(part, language)) for part in parts)


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row["path"][-60:])
def test_no_text_of_the_xml_is_missing_from_the_page(row: Row) -> None:
    """Whoever reads the page knows all that the machine was told."""
    content = (INVOICES / row["path"]).read_bytes()
    found = structured(content, row["number"], DocumentFormat(row["format"]))
    assert found is not None
    bodies = {"fatturapa": "FatturaElettronicaBody", "facturae": "Invoices/Invoice"}.get(row["format"])
    root = with_local_names(found.element)
    for other in (root.findall(bodies) if bodies else [])[1:]:
        other.getparent().remove(other)  # type: ignore[union-attr]  # it was found below the root

    for language in LANGUAGES:
        page = render(content, row["number"], language)
        assert page is not None
        shown = _squeezed(html.unescape(re.sub(r"<[^>]*>", " ", page.decode())))
        missing = [
            f"{element.tag}: {text[:60]}"
            for element in root.iter()
            if (text := (element.text or "").strip())
            and not _said_otherwise(element)
            and not _told(text, shown, language)
        ]
        assert missing == []


def test_every_term_of_en_16931_is_on_some_page() -> None:
    """The corpus has each of them, so a table that forgets one would show here."""
    terms: set[str] = set()
    for row in _ROWS:
        page = render((INVOICES / row["path"]).read_bytes(), row["number"], "de")
        assert page is not None
        terms.update(re.findall(r'data-term="(BT-\d+)', page.decode()))

    assert terms == _ALL_TERMS
