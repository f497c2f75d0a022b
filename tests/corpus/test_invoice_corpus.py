"""Every file of the invoice corpus, sent as a mail: the terms must equal the table, character for character."""

from __future__ import annotations

import csv
import resource
import time
from email.message import EmailMessage
from pathlib import Path

import pytest

from ingest.processing.reading import read_mail
from storage.records import BusinessTerms, MailReading
from tests.corpus.conftest import CORPUS

pytestmark = pytest.mark.corpus

_INVOICES = CORPUS / "invoices"
_READ_IN_FULL = (
    *("cii", "ubl-invoice", "ubl-creditnote", "zugferd1"),
    *("fatturapa", "ebinterface", "facturae"),
)
_NOT_OPENED_YET = (".p7m", ".zip", ".dat")
_NOT_DOCUMENTS = (".md", ".tsv", ".txt", ".json", ".eml", "")
_SECONDS = 10


def _rows() -> list[dict[str, str]]:
    with (_INVOICES / "expected.tsv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


_ROWS = _rows()


def _as_mail(path: Path, subject: str = "Unterlagen") -> bytes:
    message = EmailMessage()
    message["From"] = "a@supplier.example"
    message["To"] = "b@company.example"
    message["Subject"] = subject
    message.set_content("Guten Tag\n")
    message.add_attachment(
        path.read_bytes(), maintype="application", subtype="octet-stream", filename=path.name
    )
    return message.as_bytes()


def _read(path: Path, subject: str = "Unterlagen") -> MailReading:
    started = time.monotonic()
    reading = read_mail(_as_mail(path, subject))
    assert time.monotonic() - started < _SECONDS
    return reading


def _as_row(terms: BusinessTerms) -> dict[str, str]:
    """The terms in the columns of the table. Its GLN is that of an identifier or the electronic address."""
    buyer, address = terms.buyer, terms.buyer.electronic_address
    identifiers = [*buyer.identifiers, *([address] if address else [])]
    values = {
        "format": terms.format.value,
        "profile": terms.profile,
        "number": terms.invoice_number,
        "issue_date": terms.issue_date,
        "type_code": terms.type_code,
        "currency": terms.currency,
        "seller_name": terms.seller.name,
        "seller_vat": terms.seller.vat_id,
        "buyer_name": buyer.name,
        "buyer_vat": buyer.vat_id,
        "buyer_endpoint": address and address.value,
        "buyer_endpoint_scheme": address and address.scheme,
        "buyer_reference": terms.buyer_reference,
        "net_total": terms.total_without_vat,
        "tax_total": terms.vat_total,
        "grand_total": terms.total_with_vat,
        "due_payable": terms.amount_due,
        "buyer_id": buyer.identifiers[0].value if buyer.identifiers else None,
        "buyer_gln": next((one.value for one in identifiers if one.scheme in ("0088", "GLN")), None),
        "buyer_legal_id": buyer.legal_registration and buyer.legal_registration.value,
        "buyer_email": buyer.email,
        "order_ref": terms.order_reference,
        "test_indicator": None if terms.test_indicator is None else str(terms.test_indicator).lower(),
    }
    return {column: value or "" for column, value in values.items()}


def _expected(row: dict[str, str], columns: dict[str, str]) -> dict[str, str]:
    expected = {column: row[column] for column in columns}
    if not expected["buyer_endpoint"]:
        expected["buyer_endpoint_scheme"] = ""  # the scheme of an empty address names nothing
    return expected


@pytest.mark.parametrize(
    "row", [row for row in _ROWS if row["format"] in _READ_IN_FULL], ids=lambda row: row["path"][-60:]
)
def test_terms_equal_the_table(row: dict[str, str]) -> None:
    """Given a file that the table has the terms of, when it comes by mail, then all its terms are right."""
    reading = _read(_INVOICES / row["path"])

    (invoice,) = reading.invoices
    found = _as_row(invoice.terms)
    assert _expected(row, found) == found


@pytest.mark.parametrize(
    "row", [row for row in _ROWS if row["format"] == "pdf-encrypted"], ids=lambda row: row["path"][-60:]
)
def test_encrypted_pdfs_are_unread(row: dict[str, str]) -> None:
    """A PDF with a password is on the list of what could not be read."""
    reading = _read(_INVOICES / row["path"])

    assert reading.invoices == ()
    assert [one.reason for one in reading.unread] == ["the PDF is encrypted with a password"]


def test_a_malformed_embedded_invoice_leaves_the_pages() -> None:
    """The one PDF of the corpus whose XML is malformed is an invoice for people, with a warning."""
    (row,) = [row for row in _ROWS if row["format"] == "pdf-malformed-xml"]

    (invoice,) = _read(_INVOICES / row["path"]).invoices

    assert not invoice.terms.structured
    assert "embedded-xml-unreadable" in [one.code for one in invoice.warnings]


@pytest.mark.parametrize("subject", ["Unterlagen", "Rechnung Invoice 4711"])
@pytest.mark.parametrize("path", sorted((_INVOICES / "hostile").iterdir()), ids=lambda path: path.name)
def test_hostile_files_yield_no_invoice(path: Path, subject: str) -> None:
    """Whatever the subject says; within ten seconds and a gibibyte."""
    reading = _read(path, subject)

    # An archive whose names lead upwards is none but for its names: its invoice is read, and nothing is written.
    assert len(reading.invoices) == (path.name == "zip-traversal.zip")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1024**2  # KiB


def test_all_other_files_are_read_without_trouble() -> None:
    """Files that the table leaves out, licences among them, end neither in an exception nor in a crash."""
    tabled = {row["path"] for row in _ROWS}
    others = [
        path
        for path in sorted(_INVOICES.rglob("*"))
        if path.is_file() and str(path.relative_to(_INVOICES)) not in tabled and path.parent.name != "hostile"
    ]

    for path in others:
        reading = _read(path)
        if path.suffix in (*_NOT_DOCUMENTS, *_NOT_OPENED_YET):
            assert reading.invoices == (), path
