"""Reads a PDF document: the invoice embedded in it, else what its pages say."""

from __future__ import annotations

from ingest.processing.interim_reading import pdf_text
from ingest.processing.interim_reading.pdf import Embedded, Pdf, open_pdf
from ingest.processing.interim_reading.results import Document, NotAnInvoice, Read, Unreadable
from ingest.processing.interim_reading.xml_document import read_xml, seems_to_be_an_invoice
from storage.records import BusinessTerms, DocumentFormat, Finding

_NOT_EVIDENT = "no page of it says that it is an invoice"


def read_pdf(octets: bytes, name: str) -> Document:
    """The invoices of a PDF, or why there is none. Never raises."""
    pdf = open_pdf(octets)
    if isinstance(pdf, Unreadable):
        return Document(otherwise=pdf)
    invoices, warnings = _embedded_invoices(pdf.embedded())
    if invoices:
        return Document(invoices=invoices)
    return _plain(pdf, name, warnings)


def _embedded_invoices(files: list[Embedded]) -> tuple[tuple[Read, ...], tuple[Finding, ...]]:
    found: dict[tuple[str | None, str | None], Read] = {}
    broken = []
    for file in files:
        document = read_xml(file.content) if b"<" in file.content[:1024] else Document()
        for invoice in document.invoices:
            # The same invoice may be there in two syntaxes, for readers old and new: the newer is kept.
            key = (invoice.terms.invoice_number, invoice.terms.issue_date)
            if key not in found or _rank(invoice) < _rank(found[key]):
                found[key] = invoice
        if isinstance(document.otherwise, Unreadable) and seems_to_be_an_invoice(file.content):
            text = f'The file "{file.name}" inside the PDF cannot be read: {document.otherwise.reason}.'
            broken.append(Finding(code="embedded-xml-unreadable", text=text))
    return tuple(found.values()), tuple(broken)


def _rank(invoice: Read) -> int:
    order = [DocumentFormat.CII, DocumentFormat.UBL_INVOICE, DocumentFormat.UBL_CREDITNOTE]
    return order.index(invoice.terms.format) if invoice.terms.format in order else len(order)


def _plain(pdf: Pdf, name: str, warnings: tuple[Finding, ...]) -> Document:
    text = pdf.text()
    if text.strip():
        terms = pdf_text.read_text(text)
        if warnings or pdf_text.is_invoice(text, name):
            return Document(invoices=(Read(terms=terms, warnings=warnings),), text=text)
        return Document(otherwise=NotAnInvoice(reason=_NOT_EVIDENT), text=text)
    if warnings or pdf.has_image():
        scanned = Finding(code="scanned-pdf", text="The PDF is a scan: it has no text that could be read.")
        terms = BusinessTerms(format=DocumentFormat.PDF, structured=False)
        return Document(invoices=(Read(terms=terms, warnings=(*warnings, scanned)),), evident=False)
    return Document(otherwise=NotAnInvoice(reason="its pages are empty"))
