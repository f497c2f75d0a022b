"""Reads UN/CEFACT Cross Industry Invoice: Factur-X, ZUGFeRD 2, XRechnung (EN 16931-3-3)."""

from __future__ import annotations

from lxml import etree

from ingest.processing.interim_reading.dates import iso_date
from ingest.processing.interim_reading.xml import first, folded, texts
from storage.records import BusinessTerms, DocumentFormat, Identifier, Party

ROOT = "CrossIndustryInvoice"

_NAMESPACES = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}
_CONTEXT = "rsm:ExchangedDocumentContext/"
_DOCUMENT = "rsm:ExchangedDocument/"
_AGREEMENT = "rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeAgreement/"
_SETTLEMENT = "rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeSettlement/"
_TOTALS = _SETTLEMENT + "ram:SpecifiedTradeSettlementHeaderMonetarySummation/"
_PAYEE_ACCOUNT = "ram:SpecifiedTradeSettlementPaymentMeans/ram:PayeePartyCreditorFinancialAccount/"


def read(root: etree._Element) -> BusinessTerms:
    """The terms of a document; what is missing is None, for real documents deviate. Never raises."""

    def one(path: str) -> str | None:
        return first(root, path, _NAMESPACES)

    currency = one(_SETTLEMENT + "ram:InvoiceCurrencyCode")
    return BusinessTerms(
        format=DocumentFormat.CII,
        structured=True,
        profile=one(_CONTEXT + "ram:GuidelineSpecifiedDocumentContextParameter/ram:ID"),
        invoice_number=one(_DOCUMENT + "ram:ID"),
        issue_date=iso_date(one(_DOCUMENT + "ram:IssueDateTime/udt:DateTimeString")),
        type_code=one(_DOCUMENT + "ram:TypeCode"),
        currency=currency,
        due_date=iso_date(
            one(_SETTLEMENT + "ram:SpecifiedTradePaymentTerms/ram:DueDateDateTime/udt:DateTimeString")
        ),
        buyer_reference=one(_AGREEMENT + "ram:BuyerReference"),
        order_reference=one(_AGREEMENT + "ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID"),
        seller=_party(root.find(_AGREEMENT + "ram:SellerTradeParty", _NAMESPACES)),
        buyer=_party(root.find(_AGREEMENT + "ram:BuyerTradeParty", _NAMESPACES)),
        total_without_vat=one(_TOTALS + "ram:TaxBasisTotalAmount"),
        vat_total=_vat_total(root, currency),
        total_with_vat=one(_TOTALS + "ram:GrandTotalAmount"),
        amount_due=one(_TOTALS + "ram:DuePayableAmount"),
        payee_accounts=_payee_accounts(root),
        test_indicator=_indicator(one(_CONTEXT + "ram:TestIndicator/udt:Indicator")),
    )


def _party(party: etree._Element | None) -> Party:
    if party is None:
        return Party()
    legal = party.find("ram:SpecifiedLegalOrganization/ram:ID", _NAMESPACES)
    address = party.find("ram:URIUniversalCommunication/ram:URIID", _NAMESPACES)
    found = [*party.findall("ram:ID", _NAMESPACES), *party.findall("ram:GlobalID", _NAMESPACES)]
    contact = "ram:DefinedTradeContact/ram:EmailURIUniversalCommunication/ram:URIID"
    return Party(
        name=folded(first(party, "ram:Name", _NAMESPACES)),
        vat_id=_tax_registration(party, "VA"),
        tax_registration_id=_tax_registration(party, "FC"),
        identifiers=tuple(one for element in found if (one := _identifier(element))),
        legal_registration=_identifier(legal),
        electronic_address=_identifier(address),
        email=first(party, contact, _NAMESPACES),
    )


def _identifier(element: etree._Element | None) -> Identifier | None:
    if element is None or not (element.text or "").strip():
        return None
    return Identifier(scheme=(element.get("schemeID") or "").strip(), value=(element.text or "").strip())


def _tax_registration(party: etree._Element, scheme: str) -> str | None:
    path = f"ram:SpecifiedTaxRegistration/ram:ID[@schemeID='{scheme}']"
    return first(party, path, _NAMESPACES)


def _vat_total(root: etree._Element, currency: str | None) -> str | None:
    """BT-110, and not BT-111, which is the same in the currency of VAT accounting."""
    totals = root.findall(_TOTALS + "ram:TaxTotalAmount", _NAMESPACES)
    in_currency = [one for one in totals if one.get("currencyID") == currency]
    unnamed = [one for one in totals if one.get("currencyID") is None]
    return next(
        (text for one in in_currency or unnamed or totals if (text := (one.text or "").strip())), None
    )


def _payee_accounts(root: etree._Element) -> tuple[str, ...]:
    path = _SETTLEMENT + _PAYEE_ACCOUNT
    ibans = texts(root, path + "ram:IBANID", _NAMESPACES)
    others = texts(root, path + "ram:ProprietaryID", _NAMESPACES)
    return tuple(dict.fromkeys([*ibans, *others]))


def _indicator(text: str | None) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get((text or "").lower())
