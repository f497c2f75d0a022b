"""Reads the terms of a Facturae document, the Spanish standard: a batch of one or more invoices."""

from __future__ import annotations

from lxml import etree

from reading.invoice_reading.elements import child, children, iso_date, name_text, text, texts
from storage.records.reading import BusinessTerms, DocumentFormat, Party


def read_facturae(root: etree._Element, syntax: DocumentFormat) -> tuple[BusinessTerms, ...]:
    """The terms of each invoice of a Facturae 3.x document. What is missing is None. Never raises."""
    profile = text(root, "FileHeader/SchemaVersion")
    seller = _party(child(root, "Parties/SellerParty"))
    buyer = _party(child(root, "Parties/BuyerParty"))
    return tuple(
        _terms(invoice, syntax, profile=profile, seller=seller, buyer=buyer)
        for invoice in children(root, "Invoices/Invoice")
    )


def _terms(
    invoice: etree._Element, syntax: DocumentFormat, *, profile: str | None, seller: Party, buyer: Party
) -> BusinessTerms:
    header, issue, totals = (
        child(invoice, name) for name in ("InvoiceHeader", "InvoiceIssueData", "InvoiceTotals")
    )
    due = {iso_date(one) for one in texts(invoice, "PaymentDetails/Installment/InstallmentDueDate")}
    accounts = texts(invoice, "PaymentDetails/Installment/AccountToBeCredited/IBAN")
    return BusinessTerms(
        format=syntax,
        structured=True,
        profile=profile,
        invoice_number=_number(header),
        issue_date=iso_date(text(issue, "IssueDate")),
        type_code=text(header, "InvoiceDocumentType"),
        currency=text(issue, "InvoiceCurrencyCode"),
        due_date=due.pop() if len(due) == 1 else None,
        seller=seller,
        buyer=buyer,
        total_without_vat=text(totals, "TotalGrossAmountBeforeTaxes"),
        vat_total=text(totals, "TotalTaxOutputs"),
        total_with_vat=text(totals, "InvoiceTotal"),
        amount_due=text(totals, "TotalExecutableAmount", "TotalOutstandingAmount"),
        payee_accounts=tuple(dict.fromkeys(accounts)),
    )


def _number(header: etree._Element | None) -> str | None:
    """The number is unique within its series only."""
    number, series = text(header, "InvoiceNumber"), text(header, "InvoiceSeriesCode")
    return f"{series}{number}" if number and series else number


def _party(party: etree._Element | None) -> Party:
    return Party(
        name=name_text(party, "LegalEntity/CorporateName", "Individual/Name"),
        vat_id=text(party, "TaxIdentification/TaxIdentificationNumber"),
    )
