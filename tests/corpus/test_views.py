"""The two views of the corpus's hybrid invoices: a warning on those that really differ, and on no other."""

from __future__ import annotations

import pytest

from reading.invoice_reading.pdf import pages_of
from reading.mail import read_mail
from tests.corpus.truth import INVOICES, READ_IN_FULL, rows
from tests.wrappings import attached
from validation.views import view_findings

pytestmark = pytest.mark.corpus

# Looked at one by one: their pages show another invoice than their XML, as tests of validators do.
_REALLY_DIFFER = {
    "acme_invoice-42_ZUGFeRD.pdf": {"date", "total"},
    "MustangGnuaccountingBeispielRE-20150613_503.pdf": {"total"},
    "MustangGnuaccountingBeispielRE-20151008_504.pdf": {"date"},
    "MustangGnuaccountingBeispielRE-20151008_504new.pdf": {"date"},
    "fail1.pdf": {"date"},
    "fail2.pdf": {"date"},
    "MustangGnuaccountingBeispielRE-20201121_508_withBOM.pdf": {"number", "date"},
    "invalidXRechnung.pdf": {"number", "date"},
    "validXRechnung.pdf": {"number", "date"},
}


def test_warnings_are_raised_on_those_that_differ_and_on_no_other() -> None:
    """All 87 hybrids with readable pages."""
    found: dict[str, set[str]] = {}
    judged = 0
    for row in rows():
        if row["container"] != "pdf" or row["format"] not in READ_IN_FULL:
            continue
        content = (INVOICES / row["path"]).read_bytes()
        pages = pages_of(content)
        assert pages is not None
        [invoice] = read_mail(attached("x.pdf", content)).invoices
        judged += 1
        findings = view_findings(invoice.terms, pages)
        if findings:
            name = row["path"].rpartition("/")[2]
            found[name] = {one.rule.removeprefix("views-differ-") for one in findings}

    assert found == _REALLY_DIFFER
    assert judged == 87
