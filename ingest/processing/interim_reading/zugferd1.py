"""Reads ZUGFeRD 1.0, the forerunner of Factur-X; its elements have other names in the same places."""

from __future__ import annotations

from lxml import etree

from ingest.processing.interim_reading.dates import iso_date
from ingest.processing.interim_reading.xml import first, folded, texts
from storage.records import BusinessTerms, DocumentFormat, Identifier, Party

ROOT = "CrossIndustryDocument"

# The version of 2014; an earlier draft has other namespaces and the same names, hence the wildcards.
_NAMESPACES: dict[str, str] = {}
_CONTEXT = "{*}SpecifiedExchangedDocumentContext/"
_DOCUMENT = "{*}HeaderExchangedDocument/"
_AGREEMENT = "{*}SpecifiedSupplyChainTradeTransaction/{*}ApplicableSupplyChainTradeAgreement/"
_SETTLEMENT = "{*}SpecifiedSupplyChainTradeTransaction/{*}ApplicableSupplyChainTradeSettlement/"
_TOTALS = _SETTLEMENT + "{*}SpecifiedTradeSettlementMonetarySummation/"


def read(root: etree._Element) -> BusinessTerms:
    """The terms of a document; what is missing is None. Never raises."""

    def one(path: str) -> str | None:
        return first(root, path, _NAMESPACES)

    account = "{*}SpecifiedTradeSettlementPaymentMeans/{*}PayeePartyCreditorFinancialAccount/{*}IBANID"
    due = "{*}SpecifiedTradePaymentTerms/{*}DueDateDateTime/{*}DateTimeString"
    return BusinessTerms(
        format=DocumentFormat.ZUGFERD1,
        structured=True,
        profile=one(_CONTEXT + "{*}GuidelineSpecifiedDocumentContextParameter/{*}ID"),
        invoice_number=one(_DOCUMENT + "{*}ID"),
        issue_date=iso_date(one(_DOCUMENT + "{*}IssueDateTime/{*}DateTimeString")),
        type_code=one(_DOCUMENT + "{*}TypeCode"),
        currency=one(_SETTLEMENT + "{*}InvoiceCurrencyCode"),
        due_date=iso_date(one(_SETTLEMENT + due)),
        buyer_reference=one(_AGREEMENT + "{*}BuyerReference"),
        order_reference=one(_AGREEMENT + "{*}BuyerOrderReferencedDocument/{*}ID"),
        seller=_party(root.find(_AGREEMENT + "{*}SellerTradeParty")),
        buyer=_party(root.find(_AGREEMENT + "{*}BuyerTradeParty")),
        total_without_vat=one(_TOTALS + "{*}TaxBasisTotalAmount"),
        vat_total=one(_TOTALS + "{*}TaxTotalAmount"),
        total_with_vat=one(_TOTALS + "{*}GrandTotalAmount"),
        amount_due=one(_TOTALS + "{*}DuePayableAmount"),
        payee_accounts=tuple(dict.fromkeys(texts(root, _SETTLEMENT + account, _NAMESPACES))),
        test_indicator=_indicator(one(_CONTEXT + "{*}TestIndicator/{*}Indicator")),
    )


def _party(party: etree._Element | None) -> Party:
    if party is None:
        return Party()
    found = [*party.findall("{*}ID"), *party.findall("{*}GlobalID")]
    return Party(
        name=folded(first(party, "{*}Name", _NAMESPACES)),
        vat_id=first(party, "{*}SpecifiedTaxRegistration/{*}ID[@schemeID='VA']", _NAMESPACES),
        tax_registration_id=first(party, "{*}SpecifiedTaxRegistration/{*}ID[@schemeID='FC']", _NAMESPACES),
        identifiers=tuple(
            Identifier(scheme=(one.get("schemeID") or "").strip(), value=text)
            for one in found
            if (text := (one.text or "").strip())
        ),
    )


def _indicator(text: str | None) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get((text or "").lower())
