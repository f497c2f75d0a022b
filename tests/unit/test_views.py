"""The two views of an invoice: what its pages show people, held against what it says to machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from email.message import EmailMessage

import pytest

from fixtures.making import companies, readable
from fixtures.making.cii import EN_16931, cii
from fixtures.making.orders import invoice
from fixtures.making.pdf import EmbeddedFile, pdf
from fixtures.making.trade import Invoice
from reading.invoice_reading.pdf import pages_of
from reading.mail import read_mail
from storage.records.reading import BusinessTerms
from validation.views import view_findings

_SELLERS = (
    *(companies.LIEFERANT_NORD, companies.WERKZEUG_WAGNER),
    *(companies.MOEBELHAUS_OEHRIG, companies.NEUKONTAKT),
)
_DAY = date(2026, 11, 9)


def _other_number(one: Invoice) -> Invoice:
    return replace(one, number="RE-9999-77")


def _other_date(one: Invoice) -> Invoice:
    return replace(one, issued=one.issued - timedelta(days=1))


def _other_total(one: Invoice) -> Invoice:
    first, *rest = one.lines
    return replace(one, lines=(replace(first, price="17.00"), *rest))


def _other_vat_identifier(one: Invoice) -> Invoice:
    return replace(one, seller=replace(one.seller, vat_id="DE999999990"))


def _other_iban(one: Invoice) -> Invoice:
    assert one.seller.iban
    last = "1" if one.seller.iban[-1] != "1" else "2"
    return replace(one, seller=replace(one.seller, iban=one.seller.iban[:-1] + last))


def _same(one: Invoice) -> Invoice:
    return one


_ALTERED: dict[str, Callable[[Invoice], Invoice]] = {
    "views-differ-number": _other_number,
    "views-differ-date": _other_date,
    "views-differ-total": _other_total,
    "views-differ-vat-identifier": _other_vat_identifier,
    "views-differ-iban": _other_iban,
    "views-differ-currency": _same,
}


def _hybrid(meant: Invoice, shown: Invoice, *, currency: str = "EUR") -> bytes:
    """A PDF whose pages show one invoice and whose XML is another."""
    page = readable._drawn(shown, readable.GERMAN).replace(b"EUR", currency.encode())
    embedded = EmbeddedFile(
        name="factur-x.xml", content=cii(meant, EN_16931), relationship="Alternative", metadata=b""
    )
    return pdf(page, title="Rechnung", written=meant.issued, embedded=embedded)


def _found(document: bytes) -> list[tuple[str, str]]:
    mail = EmailMessage()
    mail.add_attachment(document, maintype="application", subtype="pdf", filename="x.pdf")
    [read] = read_mail(mail.as_bytes()).invoices
    pages = pages_of(document)
    assert read.terms.structured
    assert pages is not None
    return [(one.rule, one.text) for one in view_findings(read.terms, pages)]


@pytest.mark.parametrize("seller", _SELLERS, ids=lambda seller: seller.name)
@pytest.mark.parametrize("altered", list(_ALTERED))
def test_a_pdf_that_was_altered_in_one_value_is_found(altered: str, seller: object) -> None:
    """Twenty-four of them: whoever pays by the page must know that the machine was told something else."""
    meant = invoice("RE-2026-117", _DAY, seller=seller)
    currency = "USD" if altered == "views-differ-currency" else "EUR"

    found = _found(_hybrid(meant, _ALTERED[altered](meant), currency=currency))

    assert [rule for rule, _ in found] == [altered]


@pytest.mark.parametrize("seller", _SELLERS, ids=lambda seller: seller.name)
def test_a_pdf_that_shows_what_it_says_raises_no_warning(seller: object) -> None:
    """A warning on each invoice would be read by nobody."""
    meant = invoice("RE-2026-117", _DAY, seller=seller)

    assert _found(_hybrid(meant, meant)) == []


def test_a_difference_has_both_values() -> None:
    """So that a person can judge which is right."""
    meant = invoice("RE-2026-117", _DAY)

    found = _found(_hybrid(meant, _other_date(meant)))

    said = 'The PDF shows "2026-11-08", the invoice for machines says "2026-11-09" (BT-2).'
    assert found == [("views-differ-date", said)]


def test_pages_without_text_are_not_judged() -> None:
    """A scan tells nothing for certain."""
    meant = invoice("RE-2026-117", _DAY)
    document = pdf(b"", title="x", written=_DAY)
    pages = pages_of(document)

    assert pages is not None
    assert view_findings(_terms_of(meant), pages) == ()


def _terms_of(meant: Invoice) -> BusinessTerms:
    mail = EmailMessage()
    mail.add_attachment(cii(meant, EN_16931), maintype="application", subtype="xml", filename="x.xml")
    return read_mail(mail.as_bytes()).invoices[0].terms
