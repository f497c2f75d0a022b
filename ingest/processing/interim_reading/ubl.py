"""Reads OASIS UBL 2 Invoice and CreditNote: XRechnung, Peppol BIS (EN 16931-3-2)."""

from __future__ import annotations

from lxml import etree

from ingest.processing.interim_reading.dates import iso_date
from ingest.processing.interim_reading.xml import first, folded, local_name, texts
from storage.records import BusinessTerms, DocumentFormat, Identifier, Party

INVOICE_NAMESPACE = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
CREDIT_NOTE_NAMESPACE = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"

_NAMESPACES = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}
_TOTALS = "cac:LegalMonetaryTotal/"


def read(root: etree._Element) -> BusinessTerms:
    """The terms of a document; what is missing is None, for real documents deviate. Never raises."""

    def one(path: str) -> str | None:
        return first(root, path, _NAMESPACES)

    is_credit_note = local_name(root) == "CreditNote"
    currency = one("cbc:DocumentCurrencyCode")
    due = one("cbc:DueDate") or one("cac:PaymentMeans/cbc:PaymentDueDate")
    return BusinessTerms(
        format=DocumentFormat.UBL_CREDITNOTE if is_credit_note else DocumentFormat.UBL_INVOICE,
        structured=True,
        profile=one("cbc:CustomizationID"),
        invoice_number=one("cbc:ID"),
        issue_date=iso_date(one("cbc:IssueDate")),
        type_code=one("cbc:CreditNoteTypeCode" if is_credit_note else "cbc:InvoiceTypeCode"),
        currency=currency,
        due_date=iso_date(due),
        buyer_reference=one("cbc:BuyerReference"),
        order_reference=one("cac:OrderReference/cbc:ID"),
        seller=_party(root.find("cac:AccountingSupplierParty/cac:Party", _NAMESPACES)),
        buyer=_party(root.find("cac:AccountingCustomerParty/cac:Party", _NAMESPACES)),
        total_without_vat=one(_TOTALS + "cbc:TaxExclusiveAmount"),
        vat_total=_vat_total(root, currency),
        total_with_vat=one(_TOTALS + "cbc:TaxInclusiveAmount"),
        amount_due=one(_TOTALS + "cbc:PayableAmount"),
        payee_accounts=tuple(
            dict.fromkeys(texts(root, "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID", _NAMESPACES))
        ),
    )


def _party(party: etree._Element | None) -> Party:
    if party is None:
        return Party()
    found = party.findall("cac:PartyIdentification/cbc:ID", _NAMESPACES)
    name = first(party, "cac:PartyLegalEntity/cbc:RegistrationName", _NAMESPACES)
    trading_name = first(party, "cac:PartyName/cbc:Name", _NAMESPACES)
    return Party(
        name=folded(name or trading_name),
        vat_id=_tax_scheme(party, is_vat=True),
        tax_registration_id=_tax_scheme(party, is_vat=False),
        identifiers=tuple(one for element in found if (one := _identifier(element))),
        legal_registration=_identifier(party.find("cac:PartyLegalEntity/cbc:CompanyID", _NAMESPACES)),
        electronic_address=_identifier(party.find("cbc:EndpointID", _NAMESPACES)),
        email=first(party, "cac:Contact/cbc:ElectronicMail", _NAMESPACES),
    )


def _identifier(element: etree._Element | None) -> Identifier | None:
    if element is None or not (element.text or "").strip():
        return None
    return Identifier(scheme=(element.get("schemeID") or "").strip(), value=(element.text or "").strip())


def _tax_scheme(party: etree._Element, *, is_vat: bool) -> str | None:
    for registration in party.findall("cac:PartyTaxScheme", _NAMESPACES):
        scheme = first(registration, "cac:TaxScheme/cbc:ID", _NAMESPACES)
        identifier = first(registration, "cbc:CompanyID", _NAMESPACES)
        if identifier and (scheme == "VAT") is is_vat:
            return identifier
    return None


def _vat_total(root: etree._Element, currency: str | None) -> str | None:
    """BT-110, and not BT-111, which is the same in the currency of VAT accounting."""
    totals = root.findall("cac:TaxTotal/cbc:TaxAmount", _NAMESPACES)
    in_currency = [one for one in totals if one.get("currencyID") == currency]
    return next((text for one in in_currency or totals if (text := (one.text or "").strip())), None)
