"""Reads OASIS UBL 2 invoices and credit notes: XRechnung, Peppol BIS, EN 16931."""

from __future__ import annotations

from lxml import etree

from reading.invoice_reading.elements import (
    amount_in,
    child,
    children,
    first_identifier,
    identifiers,
    iso_date,
    name_text,
    text,
    texts,
)
from storage.records.reading import BusinessTerms, DocumentFormat, Party

_CREDITOR = "SEPA"  # schemeID of the bank-assigned creditor identifier (BT-90), which is no name of the party


def read_ubl(root: etree._Element, syntax: DocumentFormat) -> BusinessTerms:
    """The terms of a UBL Invoice or CreditNote (EN 16931-3-2).

    What is missing is None; nothing is checked. UBL has no test indicator. Never raises.
    """
    totals = child(root, "LegalMonetaryTotal")
    currency = text(root, "DocumentCurrencyCode")
    return BusinessTerms(
        format=syntax,
        structured=True,
        profile=text(root, "CustomizationID"),
        invoice_number=text(root, "ID"),
        issue_date=iso_date(text(root, "IssueDate")),
        type_code=text(root, "InvoiceTypeCode", "CreditNoteTypeCode"),
        currency=currency,
        due_date=iso_date(text(root, "DueDate", "PaymentMeans/PaymentDueDate")),
        buyer_reference=text(root, "BuyerReference"),
        order_reference=text(root, "OrderReference/ID"),
        seller=_party(child(root, "AccountingSupplierParty/Party")),
        buyer=_party(child(root, "AccountingCustomerParty/Party")),
        total_without_vat=amount_in(totals, "TaxExclusiveAmount", currency),
        vat_total=amount_in(root, "TaxTotal/TaxAmount", currency),
        total_with_vat=amount_in(totals, "TaxInclusiveAmount", currency),
        amount_due=amount_in(totals, "PayableAmount", currency),
        payee_accounts=tuple(dict.fromkeys(texts(root, "PaymentMeans/PayeeFinancialAccount/ID"))),
    )


def _party(party: etree._Element | None) -> Party:
    vat_id, tax_registration_id = _tax_registrations(party)
    return Party(
        name=name_text(party, "PartyLegalEntity/RegistrationName", "PartyName/Name"),
        vat_id=vat_id,
        tax_registration_id=tax_registration_id,
        identifiers=tuple(
            one for one in identifiers(party, "PartyIdentification/ID") if one.scheme != _CREDITOR
        ),
        legal_registration=first_identifier(party, "PartyLegalEntity/CompanyID"),
        electronic_address=first_identifier(party, "EndpointID"),
        email=text(party, "Contact/ElectronicMail"),
    )


def _tax_registrations(party: etree._Element | None) -> tuple[str | None, str | None]:
    """BT-31 or BT-48, and BT-32: which of them a number is stands in its tax scheme."""
    vat_id = other = None
    for registration in children(party, "PartyTaxScheme"):
        number = text(registration, "CompanyID")
        if (text(registration, "TaxScheme/ID") or "").upper() == "VAT":
            vat_id = vat_id or number
        else:
            other = other or number
    return vat_id, other
