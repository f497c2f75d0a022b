"""Every file of the invoice corpus, sent as a mail: the terms must equal the table, character for character."""

from __future__ import annotations

import resource
import time
from email.message import EmailMessage
from pathlib import Path

import pytest

from reading.mail import read_mail
from storage.records.reading import MailReading
from tests.corpus.truth import INVOICES as _INVOICES
from tests.corpus.truth import Row, judge, rows
from tests.wrappings import WRAPPINGS

pytestmark = pytest.mark.corpus

_NOT_DOCUMENTS = (".md", ".tsv", ".txt", ".json", ".eml", "")
_SECONDS = 10


_ROWS = rows()


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


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row["path"][-60:])
def test_terms_equal_the_table(row: Row) -> None:
    """Given a file that the table tells of, in whatever wrapping it comes by mail, all its terms are right."""
    path = _INVOICES / row["path"]
    octets = path.read_bytes()

    troubles = {
        name: judge(row, read_mail(wrap(path.name, octets))).trouble for name, wrap in WRAPPINGS.items()
    }

    assert {name: trouble for name, trouble in troubles.items() if trouble} == {}


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
        if path.suffix in _NOT_DOCUMENTS:
            assert reading.invoices == (), path
