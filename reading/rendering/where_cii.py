"""Where the terms of EN 16931 stand in CII (EN 16931-3-3), by local names; ZUGFeRD 1.0 with its names changed."""

from __future__ import annotations

from reading.rendering.outline import Where

# Names of ZUGFeRD 1.0 and its drafts, and those of CII that mean the same.
RENAMED = {
    "SpecifiedExchangedDocumentContext": "ExchangedDocumentContext",
    "HeaderExchangedDocument": "ExchangedDocument",
    "SpecifiedSupplyChainTradeTransaction": "SupplyChainTradeTransaction",
    "ApplicableSupplyChainTradeAgreement": "ApplicableHeaderTradeAgreement",
    "ApplicableSupplyChainTradeDelivery": "ApplicableHeaderTradeDelivery",
    "ApplicableSupplyChainTradeSettlement": "ApplicableHeaderTradeSettlement",
    "SpecifiedTradeSettlementMonetarySummation": "SpecifiedTradeSettlementHeaderMonetarySummation",
    "SpecifiedSupplyChainTradeAgreement": "SpecifiedLineTradeAgreement",
    "SpecifiedSupplyChainTradeDelivery": "SpecifiedLineTradeDelivery",
    "SpecifiedSupplyChainTradeSettlement": "SpecifiedLineTradeSettlement",
    "ApplicablePercent": "RateApplicablePercent",
}

_T = "SupplyChainTradeTransaction"
_A = f"{_T}/ApplicableHeaderTradeAgreement"
_D = f"{_T}/ApplicableHeaderTradeDelivery"
_S = f"{_T}/ApplicableHeaderTradeSettlement"
_TRUE = "ChargeIndicator/Indicator='true' or ChargeIndicator/Indicator='1' or ChargeIndicator='true'"
_VAT = "ID[@schemeID='VA' or @schemeID='VAT']"


def _date(path: str) -> str:
    return f"{path}//DateTimeString|{path}//DateString|{path}//DateTime|{path}[not(*)]"


def _address(street: int, third: int) -> tuple[tuple[str, str], ...]:
    """The terms of an address are numbered in a row; the third line came later."""
    paths = ("LineOne", "LineTwo", "CityName", "PostcodeCode", "CountrySubDivisionName", "CountryID")
    numbered = [(f"BT-{street + place}", f"PostalTradeAddress/{path}") for place, path in enumerate(paths)]
    return (*numbered[:2], (f"BT-{third}", "PostalTradeAddress/LineThree"), *numbered[2:])


def _contact(first: int) -> tuple[tuple[str, str], ...]:
    return (
        (f"BT-{first}", "DefinedTradeContact/PersonName|DefinedTradeContact/DepartmentName"),
        (f"BT-{first + 1}", "DefinedTradeContact/TelephoneUniversalCommunication/CompleteNumber"),
        (f"BT-{first + 2}", "DefinedTradeContact/EmailURIUniversalCommunication/URIID"),
        (f"BT-{first + 2}", "DefinedTradeContact/EmailURIUniversalCommunication/CompleteNumber"),
    )


_SELLER = Where(
    group="BG-4",
    path=f"{_A}/SellerTradeParty",
    terms=(
        ("BT-27", "Name"),
        ("BT-28", "SpecifiedLegalOrganization/TradingBusinessName"),
        *_address(35, 162),
        *_contact(41),
        ("BT-29", "ID|GlobalID"),
        ("BT-30", "SpecifiedLegalOrganization/ID"),
        ("BT-31", f"SpecifiedTaxRegistration/{_VAT}"),
        ("BT-32", "SpecifiedTaxRegistration/ID"),
        ("BT-33", "Description"),
        ("BT-34", "URIUniversalCommunication/URIID"),
    ),
)
_BUYER = Where(
    group="BG-7",
    path=f"{_A}/BuyerTradeParty",
    terms=(
        ("BT-44", "Name"),
        ("BT-45", "SpecifiedLegalOrganization/TradingBusinessName"),
        *_address(50, 163),
        *_contact(56),
        ("BT-46", "ID|GlobalID"),
        ("BT-47", "SpecifiedLegalOrganization/ID"),
        ("BT-48", f"SpecifiedTaxRegistration/{_VAT}"),
        ("BT-49", "URIUniversalCommunication/URIID"),
    ),
)
_OTHER_PARTIES = (
    Where(
        group="BG-10",
        path=f"{_S}/PayeeTradeParty",
        terms=(("BT-59", "Name"), ("BT-60", "ID|GlobalID"), ("BT-61", "SpecifiedLegalOrganization/ID")),
    ),
    Where(
        group="BG-11",
        path=f"{_A}/SellerTaxRepresentativeTradeParty",
        terms=(("BT-62", "Name"), *_address(64, 164), ("BT-63", f"SpecifiedTaxRegistration/{_VAT}")),
    ),
    Where(
        group="BG-13",
        path=_D,
        terms=(
            ("BT-72", _date("ActualDeliverySupplyChainEvent/OccurrenceDateTime")),
            ("BT-70", "ShipToTradeParty/Name"),
            ("BT-71", "ShipToTradeParty/ID|ShipToTradeParty/GlobalID"),
            *((term, f"ShipToTradeParty/{path}") for term, path in _address(75, 165)),
        ),
    ),
    Where(
        group="BG-14",
        path=f"{_S}/BillingSpecifiedPeriod",
        terms=(("BT-73", _date("StartDateTime")), ("BT-74", _date("EndDateTime"))),
    ),
)
_CHARGED = "SpecifiedTradeAllowanceCharge"


def _allowance(group: str, path: str, first: int, *, of_line: bool = False) -> Where:
    """BG-20 and BG-21 have their VAT in the middle of the numbers; BG-27 and BG-28 have none."""
    reason = first + 3 if of_line else first + 5
    terms = [
        (f"BT-{reason}", "Reason"),
        (f"BT-{reason + 1}", "ReasonCode"),
        (f"BT-{first + 1}", "BasisAmount"),
        (f"BT-{first + 2}", "CalculationPercent"),
        (f"BT-{first}", "ActualAmount"),
    ]
    if not of_line:
        terms += [
            (f"BT-{first + 3}", "CategoryTradeTax/CategoryCode"),
            (f"BT-{first + 4}", "CategoryTradeTax/RateApplicablePercent"),
        ]
    terms.append(("", "ChargeIndicator|ChargeIndicator/Indicator|CategoryTradeTax/TypeCode"))
    return Where(group=group, path=path, terms=tuple(terms))


_LINE_SETTLEMENT = "SpecifiedLineTradeSettlement"
_LINE = Where(
    group="BG-25",
    path=f"{_T}/IncludedSupplyChainTradeLineItem",
    terms=(
        ("BT-126", "AssociatedDocumentLineDocument/LineID"),
        ("BT-127", "AssociatedDocumentLineDocument/IncludedNote/Content"),
        ("BT-128", f"{_LINE_SETTLEMENT}/AdditionalReferencedDocument[TypeCode='130']/IssuerAssignedID"),
        ("BT-129", "SpecifiedLineTradeDelivery/BilledQuantity"),
        ("BT-131", f"{_LINE_SETTLEMENT}/SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount"),
        ("BT-131", f"{_LINE_SETTLEMENT}/SpecifiedTradeSettlementHeaderMonetarySummation/LineTotalAmount"),
        ("BT-132", "SpecifiedLineTradeAgreement/BuyerOrderReferencedDocument/LineID"),
        ("BT-133", f"{_LINE_SETTLEMENT}/ReceivableSpecifiedTradeAccountingAccount/ID"),
        ("BT-146", "SpecifiedLineTradeAgreement/NetPriceProductTradePrice/ChargeAmount"),
        ("BT-148", "SpecifiedLineTradeAgreement/GrossPriceProductTradePrice/ChargeAmount"),
        (
            "BT-147",
            "SpecifiedLineTradeAgreement/GrossPriceProductTradePrice/AppliedTradeAllowanceCharge/ActualAmount",
        ),
        (
            "",
            "SpecifiedLineTradeAgreement/GrossPriceProductTradePrice/AppliedTradeAllowanceCharge//ChargeIndicator",
        ),
        (
            "",
            "SpecifiedLineTradeAgreement/GrossPriceProductTradePrice/AppliedTradeAllowanceCharge//Indicator",
        ),
        ("", f"{_LINE_SETTLEMENT}/AdditionalReferencedDocument/TypeCode[.='130']"),
        ("BT-149", "SpecifiedLineTradeAgreement/NetPriceProductTradePrice/BasisQuantity"),
        ("BT-149", "SpecifiedLineTradeAgreement/GrossPriceProductTradePrice/BasisQuantity"),
        ("BT-151", f"{_LINE_SETTLEMENT}/ApplicableTradeTax/CategoryCode"),
        ("BT-152", f"{_LINE_SETTLEMENT}/ApplicableTradeTax/RateApplicablePercent"),
        ("", f"{_LINE_SETTLEMENT}/ApplicableTradeTax/TypeCode"),
        ("BT-153", "SpecifiedTradeProduct/Name"),
        ("BT-154", "SpecifiedTradeProduct/Description"),
        ("BT-155", "SpecifiedTradeProduct/SellerAssignedID"),
        ("BT-156", "SpecifiedTradeProduct/BuyerAssignedID"),
        ("BT-157", "SpecifiedTradeProduct/GlobalID"),
        ("BT-158", "SpecifiedTradeProduct/DesignatedProductClassification/ClassCode"),
        ("BT-159", "SpecifiedTradeProduct/OriginTradeCountry/ID"),
    ),
    groups=(
        Where(
            group="BG-26",
            path=f"{_LINE_SETTLEMENT}/BillingSpecifiedPeriod",
            terms=(("BT-134", _date("StartDateTime")), ("BT-135", _date("EndDateTime"))),
        ),
        _allowance("BG-27", f"{_LINE_SETTLEMENT}/{_CHARGED}[not({_TRUE})]", 136, of_line=True),
        _allowance("BG-28", f"{_LINE_SETTLEMENT}/{_CHARGED}[{_TRUE}]", 141, of_line=True),
        Where(
            group="BG-32",
            path="SpecifiedTradeProduct/ApplicableProductCharacteristic",
            terms=(("BT-160", "Description"), ("BT-161", "Value")),
        ),
    ),
)
_PAYMENT = Where(
    group="BG-16",
    path=_S,
    terms=(
        ("BT-83", "PaymentReference"),
        ("BT-90", "CreditorReferenceID"),
        ("BT-89", "SpecifiedTradePaymentTerms/DirectDebitMandateID"),
    ),
    groups=(
        Where(
            group="BG-17",
            path="SpecifiedTradeSettlementPaymentMeans",
            terms=(
                ("BT-81", "TypeCode"),
                ("BT-82", "Information"),
                (
                    "BT-84",
                    "PayeePartyCreditorFinancialAccount/IBANID|PayeePartyCreditorFinancialAccount/ProprietaryID",
                ),
                ("BT-85", "PayeePartyCreditorFinancialAccount/AccountName"),
                ("BT-86", "PayeeSpecifiedCreditorFinancialInstitution/BICID"),
                ("BT-87", "ApplicableTradeSettlementFinancialCard/ID"),
                ("BT-88", "ApplicableTradeSettlementFinancialCard/CardholderName"),
                ("BT-91", "PayerPartyDebtorFinancialAccount/IBANID"),
            ),
        ),
    ),
)
_TAX = Where(
    group="BG-23",
    path=f"{_S}/ApplicableTradeTax",
    terms=(
        ("BT-118", "CategoryCode"),
        ("BT-119", "RateApplicablePercent"),
        ("BT-116", "BasisAmount"),
        ("BT-117", "CalculatedAmount"),
        ("BT-120", "ExemptionReason"),
        ("BT-121", "ExemptionReasonCode"),
        ("BT-8", "DueDateTypeCode"),
        ("BT-7", _date("TaxPointDate")),
        ("", "TypeCode"),
    ),
)
_SUMS = "SpecifiedTradeSettlementHeaderMonetarySummation"
_TOTALS = Where(
    group="BG-22",
    path=f"{_S}/{_SUMS}",
    terms=(
        ("BT-106", "LineTotalAmount"),
        ("BT-107", "AllowanceTotalAmount"),
        ("BT-108", "ChargeTotalAmount"),
        ("BT-109", "TaxBasisTotalAmount"),
        ("BT-110", "TaxTotalAmount[not(@currencyID) or @currencyID=../../InvoiceCurrencyCode]"),
        ("BT-111", "TaxTotalAmount"),
        ("BT-114", "RoundingAmount"),
        ("BT-112", "GrandTotalAmount"),
        ("BT-113", "TotalPrepaidAmount"),
        ("BT-115", "DuePayableAmount"),
    ),
)
_DOCUMENTS = f"{_A}/AdditionalReferencedDocument"

CII = Where(
    group="",
    path=".",
    terms=(
        ("BT-1", "ExchangedDocument/ID"),
        ("BT-2", _date("ExchangedDocument/IssueDateTime")),
        ("BT-3", "ExchangedDocument/TypeCode"),
        ("BT-5", f"{_S}/InvoiceCurrencyCode"),
        ("BT-6", f"{_S}/TaxCurrencyCode"),
        ("BT-9", _date(f"{_S}/SpecifiedTradePaymentTerms/DueDateDateTime")),
        ("BT-10", f"{_A}/BuyerReference"),
        ("BT-11", f"{_A}/SpecifiedProcuringProject/ID"),
        ("BT-12", f"{_A}/ContractReferencedDocument/IssuerAssignedID|{_A}/ContractReferencedDocument/ID"),
        ("BT-13", f"{_A}/BuyerOrderReferencedDocument/IssuerAssignedID|{_A}/BuyerOrderReferencedDocument/ID"),
        ("BT-14", f"{_A}/SellerOrderReferencedDocument/IssuerAssignedID"),
        ("BT-15", f"{_D}/ReceivingAdviceReferencedDocument/IssuerAssignedID"),
        ("BT-16", f"{_D}/DespatchAdviceReferencedDocument/IssuerAssignedID"),
        ("BT-17", f"{_DOCUMENTS}[TypeCode='50']/IssuerAssignedID"),
        ("BT-18", f"{_DOCUMENTS}[TypeCode='130']/IssuerAssignedID"),
        ("BT-19", f"{_S}/ReceivableSpecifiedTradeAccountingAccount/ID"),
        ("BT-20", f"{_S}/SpecifiedTradePaymentTerms/Description"),
        ("BT-23", "ExchangedDocumentContext/BusinessProcessSpecifiedDocumentContextParameter/ID"),
        ("BT-24", "ExchangedDocumentContext/GuidelineSpecifiedDocumentContextParameter/ID"),
        ("", f"{_DOCUMENTS}[TypeCode='50' or TypeCode='130']/TypeCode"),
    ),
    groups=(
        Where(
            group="BG-1",
            path="ExchangedDocument/IncludedNote",
            terms=(("BT-21", "SubjectCode"), ("BT-22", "Content")),
        ),
        Where(
            group="BG-3",
            path=f"{_S}/InvoiceReferencedDocument",
            terms=(("BT-25", "IssuerAssignedID"), ("BT-26", _date("FormattedIssueDateTime"))),
        ),
        _SELLER,
        _BUYER,
        *_OTHER_PARTIES,
        _PAYMENT,
        _allowance("BG-20", f"{_S}/{_CHARGED}[not({_TRUE})]", 92),
        _allowance("BG-21", f"{_S}/{_CHARGED}[{_TRUE}]", 99),
        _TOTALS,
        _TAX,
        Where(
            group="BG-24",
            path=f"{_DOCUMENTS}[not(TypeCode='50' or TypeCode='130')]",
            terms=(
                ("BT-122", "IssuerAssignedID"),
                ("BT-123", "Name"),
                ("BT-124", "URIID"),
                ("BT-125", "AttachmentBinaryObject"),
                ("", "TypeCode[.='916']"),
            ),
        ),
        _LINE,
    ),
)
