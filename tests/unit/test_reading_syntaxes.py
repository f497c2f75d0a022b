"""CII and UBL: each term from its place."""

from __future__ import annotations

import pytest

from reading.invoice_reading.elements import iso_date
from reading.invoice_reading.values import StructuredInvoice
from reading.invoice_reading.xml_document import read_xml
from storage.records.reading import BusinessTerms, DocumentFormat, Identifier, Party
from tests.invoice_documents import cii, ubl


def _terms(octets: bytes) -> BusinessTerms:
    (document,) = read_xml(octets, presented_as_xml=True)
    assert isinstance(document, StructuredInvoice)
    return document.terms


def test_every_term_of_cii() -> None:
    """All that is read of a Cross Industry Invoice, amounts as written, names on one line."""
    octets = cii("R-1", context="<ram:TestIndicator><udt:Indicator>true</udt:Indicator></ram:TestIndicator>")

    terms = _terms(octets)

    expected = BusinessTerms(
        format=DocumentFormat.CII,
        structured=True,
        profile="urn:cen.eu:en16931:2017",
        invoice_number="R-1",
        issue_date="2026-11-09",
        type_code="380",
        currency="EUR",
        due_date="2026-11-23",
        buyer_reference="04011000-12345-34",
        order_reference="B-17",
        seller=Party(name="Nord GmbH", vat_id="DE123456788", tax_registration_id="22/815/0815/4"),
        buyer=Party(
            name="Musterwerk Süd",
            identifiers=(
                Identifier(scheme="", value="4711"),
                Identifier(scheme="0088", value="4012345000009"),
            ),
            legal_registration=Identifier(scheme="0002", value="12345"),
            electronic_address=Identifier(scheme="EM", value="c@d.example"),
            email="a@b.example",
        ),
        total_without_vat="100.00",
        vat_total="19.0",
        total_with_vat="119.00",
        amount_due="119",
        payee_accounts=("DE79000000001234567890",),
        test_indicator=True,
    )
    assert expected == terms


@pytest.mark.parametrize("root", ["Invoice", "CreditNote"])
def test_every_term_of_ubl(root: str) -> None:
    """All that is read of a UBL document; the bank's creditor identifier is none of the seller's names."""
    octets = ubl("R-1", root=root)

    terms = _terms(octets)

    expected = BusinessTerms(
        format=DocumentFormat.UBL_INVOICE if root == "Invoice" else DocumentFormat.UBL_CREDITNOTE,
        structured=True,
        profile="urn:cen.eu:en16931:2017",
        invoice_number="R-1",
        issue_date="2026-11-09",
        type_code="380",
        currency="EUR",
        due_date="2026-11-23",
        buyer_reference="KST-1",
        order_reference="B-17",
        seller=Party(name="Nord GmbH", vat_id="DE123456788", tax_registration_id="22/815"),
        buyer=Party(
            name="Müller",
            identifiers=(Identifier(scheme="0088", value="4012345000009"),),
            legal_registration=Identifier(scheme="0002", value="12345"),
            electronic_address=Identifier(scheme="EM", value="c@d.example"),
            email="a@b.example",
        ),
        total_without_vat="100.00",
        vat_total="19.00",
        total_with_vat="119.00",
        amount_due="119.00",
        payee_accounts=("DE79000000001234567890",),
    )
    assert expected == terms


def test_the_vat_total_is_that_in_the_invoice_currency() -> None:
    """BT-111, the total in the currency of VAT accounting, is passed over although it comes first."""
    octets = cii(extra_totals='<ram:TaxTotalAmount currencyID="SEK">210.00</ram:TaxTotalAmount>')

    assert _terms(octets).vat_total == "19.0"


def test_an_empty_invoice_has_unknown_terms() -> None:
    """What is missing is None, no error."""
    octets = b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>'

    assert _terms(octets) == BusinessTerms(format=DocumentFormat.UBL_INVOICE, structured=True)


def test_a_comment_does_not_cut_a_text() -> None:
    """The text on both sides of a comment is one."""
    octets = cii("R-<!-- year -->2026")

    assert _terms(octets).invoice_number == "R-2026"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("20261109", "2026-11-09"),
        ("202611091215", "2026-11-09"),
        ("2026-11-09", "2026-11-09"),
        ("2026-11-09T00:00:00+01:00", "2026-11-09"),
        ("20261309", None),
        ("2026-02-30", None),
        ("soon", None),
        (None, None),
    ],
)
def test_dates(written: str | None, expected: str | None) -> None:
    """Dates of both syntaxes become ISO 8601, impossible ones unknown."""
    assert iso_date(written) == expected
