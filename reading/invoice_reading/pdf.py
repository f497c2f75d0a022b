"""Reads a PDF: the invoice embedded in it, or what its pages say."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from pypdf import PasswordType, PdfReader, apply_configuration
from pypdf.errors import LimitReachedError

from reading.invoice_reading.evidence import evidence_of_text
from reading.invoice_reading.pdf_embedded import EmbeddedFile, Listing, embedded_files
from reading.invoice_reading.pdf_pages import read_layout, read_pages
from reading.invoice_reading.pdf_text import lacks_something, read_text, together
from reading.invoice_reading.same_invoice import folded
from reading.invoice_reading.values import (
    Evidence,
    NotAnInvoice,
    PlainPdf,
    StructuredInvoice,
    Unreadable,
)
from reading.invoice_reading.xml import opens_like_xml
from reading.invoice_reading.xml_document import read_xml
from storage.records.reading import DocumentFormat, Finding

# pypdf tells of every oddity of a file; what strangers write does not belong in our log.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

_HEADER_WITHIN = 1024  # octets before %PDF- that readers tolerate
_SYNTAXES = (
    *(DocumentFormat.CII, DocumentFormat.UBL_INVOICE, DocumentFormat.UBL_CREDITNOTE, DocumentFormat.ZUGFERD1),
)
_RELATIONSHIPS = ("Alternative", "Data", "Source")


def opens_like_pdf(octets: bytes) -> bool:
    """Whether a PDF header stands within the first 1024 octets (ISO 32000-2, 7.5.2, and what readers tolerate)."""
    return b"%PDF-" in octets[: _HEADER_WITHIN + 5]


@contextmanager
def _bounded() -> Iterator[None]:
    """Stricter than pypdf's own limits: an invoice of one megabyte needs none of this. No program is started."""
    with apply_configuration(
        zlib_maximum_output_length=50_000_000,
        stream_decoding_work_maximum_length=100_000_000,
        stream_parsing_work_maximum_count=300_000,
        xform_maximum_invocations_per_extraction=200,
        page_tree_maximum_entries=20_000,
        jbig2dec_binary=None,
    ):
        yield


def embedded_xml(octets: bytes) -> tuple[bytes, ...]:
    """Every XML document embedded in a PDF; none where the PDF cannot be read. Never raises."""
    try:
        with _bounded():
            files = embedded_files(_opened(octets)).files
    except Exception:  # noqa: BLE001, RUF100  -- as in read_pdf
        return ()
    return tuple(one.octets for one in files if one.octets is not None and opens_like_xml(one.octets))


def pages_of(octets: bytes) -> PlainPdf | None:
    """What the pages of any PDF say to people, also of one with an invoice for machines; None if unreadable.

    Never raises.
    """
    try:
        with _bounded():
            return for_people(_opened(octets), None)
    except Exception:  # noqa: BLE001, RUF100  -- as in read_pdf
        return None


def _opened(octets: bytes) -> PdfReader:
    reader = PdfReader(io.BytesIO(octets))
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        raise ValueError("encrypted with a password")
    return reader


def read_pdf(octets: bytes) -> tuple[StructuredInvoice | PlainPdf | NotAnInvoice | Unreadable, ...]:
    """The invoices of a PDF: each different one embedded in it, else the PDF itself for people.

    Page text, by far the slowest step, is taken only where no invoice is embedded. Never raises.
    """
    try:
        with _bounded():
            return _read(octets)
    except LimitReachedError as error:
        return (Unreadable(f"the PDF is made to be endless: {_in_words(error)}"),)
    except RecursionError:
        return (Unreadable("the PDF runs in circles"),)
    except MemoryError:
        return (Unreadable("the PDF needs too much memory"),)
    except Exception as error:  # noqa: BLE001, RUF100  -- pypdf raises anything on damaged files
        return (Unreadable(f"the PDF is damaged: {_in_words(error)}"),)


def _read(octets: bytes) -> tuple[StructuredInvoice | PlainPdf | NotAnInvoice | Unreadable, ...]:
    reader = PdfReader(io.BytesIO(octets))
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        return (Unreadable("the PDF is encrypted with a password"),)
    listing = embedded_files(reader)
    documents = [(one, document) for one in listing.files for document in _read_embedded(one)]
    invoices = [document for _, document in documents if isinstance(document, StructuredInvoice)]
    if invoices:
        return _each_once(invoices)
    trouble = _trouble_of(listing, documents)
    other = [one for _, one in documents if isinstance(one, NotAnInvoice) and one.trade_document]
    if other and trouble is None:
        return (other[0],)
    return (for_people(reader, trouble),)


def _read_embedded(one: EmbeddedFile) -> tuple[StructuredInvoice | NotAnInvoice | Unreadable, ...]:
    presented_as_xml = one.name.lower().endswith(".xml")
    if one.octets is None:
        reason = one.trouble or "it cannot be read"
        return (Unreadable(reason) if presented_as_xml else NotAnInvoice(reason),)
    if not presented_as_xml and not opens_like_xml(one.octets):
        return (NotAnInvoice("it is no XML"),)
    return tuple(
        replace(document, embedded_name=one.name, relationship=one.relationship)
        if isinstance(document, StructuredInvoice)
        else document
        for document in read_xml(one.octets, presented_as_xml=presented_as_xml)
    )


def _each_once(invoices: list[StructuredInvoice]) -> tuple[StructuredInvoice, ...]:
    """One invoice written down in several syntaxes or under several names is one; the best form of it counts."""
    chosen: list[StructuredInvoice] = []
    for invoice in sorted(invoices, key=_preference):
        number = invoice.terms.invoice_number
        if number is None and chosen:
            continue
        if all(folded(number or "") != folded(one.terms.invoice_number or "") for one in chosen):
            chosen.append(invoice)
    return tuple(chosen)


def _preference(invoice: StructuredInvoice) -> tuple[bool, int, int, str]:
    return (
        invoice.terms.invoice_number is None,
        _position(_SYNTAXES, invoice.terms.format),
        _position(_RELATIONSHIPS, invoice.relationship),
        invoice.embedded_name or "",
    )


def _position(order: tuple[str, ...], value: str) -> int:
    return order.index(value) if value in order else len(order)


def _trouble_of(listing: Listing, documents: Sequence[tuple[EmbeddedFile, object]]) -> str | None:
    for one, document in documents:
        if isinstance(document, Unreadable):
            return f'the XML "{one.name}" embedded in the PDF cannot be read: {document.reason}'
    return listing.trouble


def for_people(reader: PdfReader, trouble: str | None) -> PlainPdf:
    """What the pages of an opened PDF say; `trouble` is what is known to be broken in it. Raises what pypdf raises."""
    pages = read_pages(reader)
    labelled = read_text(pages.text)
    if pages.text.strip() and pages.trouble is None and lacks_something(labelled.terms):
        # The order in which a PDF draws is not that in which people read; the layout takes twice the time.
        labelled = together(labelled, read_text(read_layout(reader)))
    warnings: list[Finding] = []
    if trouble is not None:
        warnings.append(Finding(code="embedded-xml-unreadable", text=trouble))
    if pages.text.strip():
        evidence = evidence_of_text(pages.text, labelled.number_at)
    elif pages.pictures:
        evidence = Evidence.SCAN
        warnings.append(
            Finding(code="scanned-pdf", text="the PDF is a picture without text, so nothing was read from it")
        )
    else:
        evidence = Evidence.NONE
    return PlainPdf(
        terms=labelled.terms,
        evidence=evidence,
        text=pages.text,
        sources=labelled.sources,
        warnings=tuple(warnings),
        trouble=trouble or pages.trouble,
    )


def _in_words(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
