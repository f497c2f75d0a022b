"""What the pages of PDFs say, against what others know of them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from pypdf import PdfReader

from reading.invoice_reading.pdf import for_people
from reading.mail import read_mail
from storage.records.reading import BusinessTerms
from tests.corpus.truth import INVOICES, READ_IN_FULL, Row, rows
from tests.wrappings import attached

pytestmark = pytest.mark.corpus

_FOLDER = INVOICES / "invoice-x+invoice2data/tests/compare"
# Files whose XML is of another invoice than their pages, for the tests of validators.
_OF_ANOTHER = (
    "acme_invoice-42",
    "RE-20150613_503",
    "20151008_504",
    "fail1.pdf",
    "fail2.pdf",
    "withBOM",
    "XRechnung.pdf",
)


def _agree(read: str | None, known: object) -> bool | None:
    """None for unknown."""
    if read is None:
        return None
    return float(read) == known if isinstance(known, int | float) else read == known


def test_nine_of_ten_terms_of_plain_pdfs_are_right_and_none_is_wrong() -> None:
    """Number, date and total of each PDF that comes with its truth as JSON."""
    found: dict[str, bool | None] = {}
    for path in sorted(_FOLDER.glob("*.pdf")):
        [truth] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        [invoice] = read_mail(attached(path.name, path.read_bytes())).invoices
        terms = invoice.terms
        for term, read in (
            ("invoice_number", terms.invoice_number),
            ("date", terms.issue_date),
            ("amount", terms.total_with_vat),
        ):
            found[f"{path.name} {term}"] = _agree(read, truth[term])

    assert [term for term, right in found.items() if right is False] == []
    assert sum(right is True for right in found.values()) >= 0.9 * len(found)


def _pages(path: Path) -> BusinessTerms:
    return for_people(PdfReader(io.BytesIO(path.read_bytes())), None).terms


_HYBRID = [
    row
    for row in rows()
    if row["container"] == "pdf"
    and row["format"] in READ_IN_FULL
    and not any(one in row["path"] for one in _OF_ANOTHER)
]


@pytest.mark.parametrize("row", _HYBRID, ids=lambda row: row["path"][-60:])
def test_the_pages_of_a_hybrid_never_contradict_its_xml(row: Row) -> None:
    """The XML is the truth for what is read from the pages beside it; unknown is allowed."""
    terms = _pages(INVOICES / row["path"])

    assert terms.invoice_number in (None, row["number"])
    assert terms.issue_date in (None, row["issue_date"])
    assert terms.currency in (None, row["currency"])
    if terms.total_with_vat is not None and row["grand_total"]:
        # A credit note has a minus on paper.
        assert abs(float(terms.total_with_vat)) == abs(float(row["grand_total"]))


def test_the_pages_of_half_the_hybrids_tell_their_number() -> None:
    """So the rule above is not met by silence."""
    told = [row for row in _HYBRID if _pages(INVOICES / row["path"]).invoice_number]

    assert len(told) >= 0.5 * len(_HYBRID)
