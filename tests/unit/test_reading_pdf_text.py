"""The text of PDFs for people: what is certain is read, what is doubtful is not."""

from __future__ import annotations

import pytest

from reading.invoice_reading.check_digits import iban_at_start
from reading.invoice_reading.evidence import evidence_of_text, says_invoice
from reading.invoice_reading.pdf_text import read_text, together
from reading.invoice_reading.values import Evidence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rechnungsnummer: R-17", "R-17"),
        ("Rechnung Nr. 2026/0815 vom 09.11.2026", "2026/0815"),
        ("Datum: 09.11.2026  Rechnungs-Nr.: 4711  Seite 1", "4711"),
        ("Invoice number: INV-001", "INV-001"),
        ("INVOICE NO. 55\nInvoice No: 55", "55"),
        ("Rechnungsnummer: 2026 001", None),  # where does it end?
        ("Rechnungsnummer: siehe unten", None),
        ("Rechnungsnummer: 09.11.2026", None),
        ("Rechnungsnummer: A-1\nRechnungsnummer: A-2", None),
        ("Gutschrift zur Rechnung Nr. 4711", None),
        ("Wir beziehen uns auf Ihre\nRechnung Nr. 4711", None),
        ("Kundennummer: 123", None),
    ],
)
def test_invoice_number(text: str, expected: str | None) -> None:
    """Only an unmistakable label gives a number, and never that of another invoice."""
    assert read_text(text).terms.invoice_number == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rechnungsdatum: 09.11.2026", "2026-11-09"),
        ("Rechnungsdatum: 9. November 2026", "2026-11-09"),
        ("Invoice date: November 9, 2026", "2026-11-09"),
        ("Date of issue: 9th March 2026", "2026-03-09"),
        ("Invoice date: 2026-11-09", "2026-11-09"),
        ("Invoice date: 23/11/2026", "2026-11-23"),
        ("Invoice date: 11/23/2026", "2026-11-23"),
        ("Invoice date: 03/04/2026", None),  # March or April
        ("Rechnung Nr. 17 vom 09.11.2026", "2026-11-09"),
        ("Rechnungsdatum: 31.02.2026", None),
        ("Lieferdatum: 09.11.2026", None),
        ("Rechnungsdatum: 09.11.2026\nRechnungsdatum: 10.11.2026", None),
    ],
)
def test_issue_date(text: str, expected: str | None) -> None:
    """A date that could be read two ways, or that stands there twice differently, is unknown."""
    assert read_text(text).terms.issue_date == expected


def test_totals_and_currency() -> None:
    """Amounts lose what a country groups them with; the only currency of all amounts is the invoice's."""
    text = "Gesamtbetrag netto: 1.000,00 EUR\nGesamtbetrag: 1.190,00 EUR\nZahlbetrag: 1.150,00 €"

    terms = read_text(text).terms

    assert (terms.total_with_vat, terms.amount_due, terms.currency) == ("1190.00", "1150.00", "EUR")


def test_two_currencies_are_none() -> None:
    """With amounts in two currencies neither is certain."""
    assert read_text("Total: 10.00 USD\nTotal: 9.00 EUR").terms.currency is None


def test_payee_account() -> None:
    """An IBAN counts with right check digits; after a direct debit it may be the buyer's."""
    text = "IBAN: DE79 0000 0000 1234 5678 90  BIC: XXXXDEFF"

    assert read_text(text).terms.payee_accounts == ("DE79000000001234567890",)
    assert read_text(text.replace("79", "78")).terms.payee_accounts == ()
    assert read_text(text + "\nDer Betrag wird per Lastschrift eingezogen.").terms.payee_accounts == ()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("NL91 ABNA 0417 1643 00 BIC", "NL91ABNA0417164300"),
        ("NL91 ABNA 0417 1643 01", None),
        ("XX91 ABNA 0417 1643 00", None),
        ("NL91 ABNA", None),
    ],
)
def test_iban(written: str, expected: str | None) -> None:
    """Country, length and check digits must agree; what follows is not looked at."""
    assert iban_at_start(written) == expected


def test_whose_vat_identifier() -> None:
    """A VAT identifier belongs to a party only where the label says to whom."""
    terms = read_text("Ihre USt-IdNr.: DE555555551\nUnsere USt-IdNr.: DE123456788").terms

    assert (terms.seller.vat_id, terms.buyer.vat_id) == ("DE123456788", "DE555555551")
    assert read_text("USt-IdNr.: DE123456788").terms.seller.vat_id is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nord GmbH\nRechnung\nPos 1", Evidence.INVOICE),
        ("RECHNUNG Nr. 17", Evidence.INVOICE),
        ("Nord GmbH\nInvoice number: 17", Evidence.INVOICE),
        ("Lieferschein\nRechnung folgt", Evidence.SOMETHING_ELSE),
        ("Rechnung\nLieferschein 17", Evidence.INVOICE),
        ("Mahnung\nRechnungsnummer: 17", Evidence.SOMETHING_ELSE),
        ("Allgemeine Geschäftsbedingungen\nDie Rechnung ist zahlbar", Evidence.SOMETHING_ELSE),
        ("anbei unsere Rechnung zu Ihrem Auftrag", Evidence.MENTION),
        ("Berechnungen und Rechnungswesen", Evidence.NONE),
        ("Guten Tag", Evidence.NONE),
    ],
)
def test_evidence(text: str, expected: Evidence) -> None:
    """A heading or number makes an invoice, a word alone is a hint, another heading first says no."""
    assert evidence_of_text(text, read_text(text).number_at) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Rechnung_4711.pdf", True),
        ("invoice-17.pdf", True),
        ("Berechnung.pdf", False),
        ("scan.pdf", False),
        (None, False),
    ],
)
def test_names_and_subjects(words: str | None, expected: bool) -> None:
    """Invoice words in file names count between signs that are no letters."""
    assert says_invoice(words) is expected


@pytest.mark.parametrize(
    ("text", "number", "date", "total"),
    [
        ("Facture n° 2026-17\nDate : 28/11/2026\nTotal TTC : 56,02 €", "2026-17", "2026-11-28", "56.02"),
        ("Facture n°17 du 03/04/2026\nTotal HT 10,00 €", "17", "2026-04-03", None),
        (
            "Fattura n. A/17\nData fattura: 05/11/2026\nTotale documento: 1.220,00",
            "A/17",
            "2026-11-05",
            "1220.00",
        ),
        (
            "Factura nº: F-17\nFecha de factura: 5 noviembre 2026\nTotal factura: 121,00 €",
            "F-17",
            "2026-11-05",
            "121.00",
        ),
        ("Factuurnummer: 993\nFactuurdatum: 19 mei 2026\nTotaal  € 717,97", "993", "2026-05-19", "717.97"),
        (
            "Invoice INV/2026/03/0008\nInvoice Date: 2026-03-20\nGrand Total  Rs 1939",
            "INV/2026/03/0008",
            "2026-03-20",
            "1939",
        ),
        ("Total  100.00  19.00  119.00", None, None, "119.00"),
        ("Total  100.00  19.00  120.00", None, None, None),  # it does not add up
        ("Total 50.00\n1 chair 70.00", None, None, None),  # of something, but not of all
        ("Date: 01.02.2026\nRechnungsdatum: 03.02.2026", None, "2026-02-03", None),
        ("1 pce\nTotal 12,50\nTotal 12,50 EUR", None, None, "12.50"),
    ],
)
def test_labels_of_other_languages(
    text: str, number: str | None, date: str | None, total: str | None
) -> None:
    """Each in its own way to write dates and amounts; a bare word counts where nothing speaks against it."""
    terms = read_text(text).terms

    assert (terms.invoice_number, terms.issue_date, terms.total_with_vat) == (number, date, total)


def test_each_term_has_the_words_it_came_from() -> None:
    """And how sure it is."""
    sources = read_text("Rechnungsnummer:  R-17\nDatum: 09.11.2026").sources

    assert [(one.term, one.text, one.certainty.value) for one in sources] == [
        ("BT-1", "Rechnungsnummer: R-17", "labelled"),
        ("BT-2", "Datum: 09.11.2026", "likely"),
    ]


def test_two_readings_of_the_same_pages() -> None:
    """One fills in what the other lacks; where they differ, nobody knows."""
    drawn = read_text("Rechnungsnummer: R-17\nRechnungsdatum: 09.11.2026")
    seen = read_text("Rechnungsnummer: R-18\nGesamtbetrag: 119,00")

    both = together(drawn, seen)

    assert both.terms.invoice_number is None
    assert (both.terms.issue_date, both.terms.total_with_vat) == ("2026-11-09", "119.00")
    assert [one.term for one in both.sources] == ["BT-112", "BT-2"]
