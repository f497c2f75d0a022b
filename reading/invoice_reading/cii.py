"""Reads UN/CEFACT Cross Industry Invoices: ZUGFeRD 1 and 2, Factur-X, XRechnung."""

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
from storage.records.reading import BusinessTerms, DocumentFormat, Identifier, Party

# Each part of the document by its name in CII D16B and later, then by that of ZUGFeRD 1.0.
_CONTEXT = ("ExchangedDocumentContext", "SpecifiedExchangedDocumentContext")
_DOCUMENT = ("ExchangedDocument", "HeaderExchangedDocument")
_TRANSACTION = ("SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
_AGREEMENT = ("ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
_SETTLEMENT = ("ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
_SUMMATION = (
    "SpecifiedTradeSettlementHeaderMonetarySummation",
    "SpecifiedTradeSettlementMonetarySummation",
)
_INDICATORS = {"true": True, "1": True, "false": False, "0": False}


def read_cii(root: etree._Element, syntax: DocumentFormat) -> BusinessTerms:
    """The terms of a CrossIndustryInvoice (EN 16931-3-3), of ZUGFeRD 1's CrossIndustryDocument, or of its drafts.

    What is missing is None, for real documents deviate; nothing is checked. Never raises.
    """
    context, document = child(root, *_CONTEXT), child(root, *_DOCUMENT)
    transaction = child(root, *_TRANSACTION)
    agreement, settlement = child(transaction, *_AGREEMENT), child(transaction, *_SETTLEMENT)
    summation = child(settlement, *_SUMMATION)
    currency = text(settlement, "InvoiceCurrencyCode")
    return BusinessTerms(
        format=syntax,
        structured=True,
        profile=text(context, "GuidelineSpecifiedDocumentContextParameter/ID"),
        invoice_number=text(document, "ID"),
        issue_date=iso_date(text(document, *_either("IssueDateTime"))),
        type_code=text(document, "TypeCode"),
        currency=currency,
        due_date=iso_date(text(settlement, *_either("SpecifiedTradePaymentTerms/DueDateDateTime"))),
        buyer_reference=text(agreement, "BuyerReference"),
        order_reference=text(
            agreement, "BuyerOrderReferencedDocument/IssuerAssignedID", "BuyerOrderReferencedDocument/ID"
        ),
        seller=_party(child(agreement, "SellerTradeParty")),
        buyer=_party(child(agreement, "BuyerTradeParty")),
        total_without_vat=amount_in(summation, "TaxBasisTotalAmount", currency),
        vat_total=amount_in(summation, "TaxTotalAmount", currency),
        total_with_vat=amount_in(summation, "GrandTotalAmount", currency),
        amount_due=amount_in(summation, "DuePayableAmount", currency),
        payee_accounts=_payee_accounts(settlement),
        test_indicator=_test_indicator(context),
    )


def _party(party: etree._Element | None) -> Party:
    registrations = tuple(identifiers(party, "SpecifiedTaxRegistration/ID"))
    return Party(
        name=name_text(party, "Name"),
        vat_id=_registration(registrations, "VA"),
        tax_registration_id=_registration(registrations, "FC"),
        identifiers=(*identifiers(party, "ID"), *identifiers(party, "GlobalID")),
        legal_registration=first_identifier(party, "SpecifiedLegalOrganization/ID"),
        electronic_address=first_identifier(party, "URIUniversalCommunication/URIID"),
        email=text(party, "DefinedTradeContact/EmailURIUniversalCommunication/URIID"),
    )


def _either(path: str) -> tuple[str, ...]:
    """Where a date stands: before ZUGFeRD 1.0 there was no element within."""
    return f"{path}/DateTimeString", f"{path}/DateTime", path


def _registration(registrations: tuple[Identifier, ...], scheme: str) -> str | None:
    return next((one.value for one in registrations if one.scheme.upper() == scheme), None)


def _payee_accounts(settlement: etree._Element | None) -> tuple[str, ...]:
    path = "SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount"
    accounts = (text(account, "IBANID", "ProprietaryID") for account in children(settlement, path))
    return tuple(dict.fromkeys(account for account in accounts if account))


def _test_indicator(context: etree._Element | None) -> bool | None:
    paths = ("TestIndicator/Indicator", "TestIndicator")
    written = (_INDICATORS.get(one.lower()) for path in paths for one in texts(context, path))
    return next((one for one in written if one is not None), None)
