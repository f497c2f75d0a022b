"""Takes the attachments out of an invoice in XML (BT-125, and what the national syntaxes have for it)."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from lxml import etree

from reading.invoice_reading.xml import BadXml, opens_like_xml, parse
from reading.unpacking.opened import Budget, Opened, Packed, collected

# The element with the content, and where its name stands: an attribute, else an element beside it.
_PLACES = (
    ("EmbeddedDocumentBinaryObject", "filename", ""),  # UBL
    ("AttachmentBinaryObject", "filename", ""),  # CII
    ("Attachment", "", "NomeAttachment"),  # FatturaPA, in Allegati
    ("AttachmentData", "", "AttachmentDescription"),  # Facturae
)
_MARKS = tuple(name.encode() for name in ("BinaryObject", "NomeAttachment", "AttachmentData"))


def holds_attachments(octets: bytes) -> bool:
    """Whether an XML document may have attachments in it; quick."""
    return opens_like_xml(octets) and any(mark in octets for mark in _MARKS)


def open_invoice(octets: bytes, budget: Budget) -> Opened | None:
    """The attachments in an invoice; None where there are none. Never raises."""
    root = parse(octets)
    if isinstance(root, BadXml):
        return None  # whoever reads it as an invoice tells
    opened = collected(_attachments(root, budget), broken=lambda _: "an attachment in the XML is damaged")
    if not opened.files and opened.trouble is None:
        return None
    return Opened(files=opened.files, trouble=opened.trouble, of_invoice=True)


def _attachments(root: etree._Element, budget: Budget) -> Iterator[Packed]:
    for tag, attribute, beside in _PLACES:
        for element in root.iter("{*}" + tag):
            written = (element.text or "").strip()
            if not written:
                continue
            content = base64.b64decode(written)
            budget.take_file()
            budget.take(len(content))
            yield Packed(element.get(attribute) if attribute else _beside(element, beside), content)


def _beside(element: etree._Element, name: str) -> str | None:
    parent = element.getparent()
    found = parent.find("{*}" + name) if parent is not None else None
    return found.text if found is not None else None
