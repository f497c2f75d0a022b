"""Where the terms of EN 16931 stand in UBL invoices and credit notes (EN 16931-3-2), by local names."""

from __future__ import annotations

from reading.rendering.outline import Where

RENAMED = {
    "CreditNoteLine": "InvoiceLine",
    "CreditedQuantity": "InvoicedQuantity",
    "CreditNoteTypeCode": "InvoiceTypeCode",
}

_VAT = "translate(TaxScheme/ID,'vat','VAT')='VAT'"
_TRUE = "ChargeIndicator='true' or ChargeIndicator='1'"


def _address(street: int, third: int, around: str = "PostalAddress") -> tuple[tuple[str, str], ...]:
    paths = (
        *("StreetName", "AdditionalStreetName", "CityName", "PostalZone", "CountrySubentity"),
        "Country/IdentificationCode",
    )
    numbered = [(f"BT-{street + place}", f"{around}/{path}") for place, path in enumerate(paths)]
    return (*numbered[:2], (f"BT-{third}", f"{around}/AddressLine/Line"), *numbered[2:])


def _contact(first: int) -> tuple[tuple[str, str], ...]:
    names = ("Name", "Telephone", "ElectronicMail")
    return tuple((f"BT-{first + place}", f"Contact/{name}") for place, name in enumerate(names))


_PARTIES = (
    Where(
        group="BG-4",
        path="AccountingSupplierParty/Party",
        terms=(
            ("BT-27", "PartyLegalEntity/RegistrationName"),
            ("BT-28", "PartyName/Name"),
            *_address(35, 162),
            *_contact(41),
            ("BT-90", "PartyIdentification/ID[@schemeID='SEPA']"),
            ("BT-29", "PartyIdentification/ID"),
            ("BT-30", "PartyLegalEntity/CompanyID"),
            ("BT-31", f"PartyTaxScheme[{_VAT}]/CompanyID"),
            ("BT-32", "PartyTaxScheme/CompanyID"),
            ("BT-33", "PartyLegalEntity/CompanyLegalForm"),
            ("BT-34", "EndpointID"),
            ("", "PartyTaxScheme/TaxScheme/ID"),
        ),
    ),
    Where(
        group="BG-7",
        path="AccountingCustomerParty/Party",
        terms=(
            ("BT-44", "PartyLegalEntity/RegistrationName"),
            ("BT-45", "PartyName/Name"),
            *_address(50, 163),
            *_contact(56),
            ("BT-46", "PartyIdentification/ID"),
            ("BT-47", "PartyLegalEntity/CompanyID"),
            ("BT-48", f"PartyTaxScheme[{_VAT}]/CompanyID"),
            ("BT-49", "EndpointID"),
            ("", "PartyTaxScheme/TaxScheme/ID"),
        ),
    ),
    Where(
        group="BG-10",
        path="PayeeParty",
        terms=(
            ("BT-59", "PartyName/Name"),
            ("BT-90", "PartyIdentification/ID[@schemeID='SEPA']"),
            ("BT-60", "PartyIdentification/ID"),
            ("BT-61", "PartyLegalEntity/CompanyID"),
        ),
    ),
    Where(
        group="BG-11",
        path="TaxRepresentativeParty",
        terms=(
            ("BT-62", "PartyName/Name"),
            *_address(64, 164),
            ("BT-63", "PartyTaxScheme/CompanyID"),
            ("", "PartyTaxScheme/TaxScheme/ID"),
        ),
    ),
    Where(
        group="BG-13",
        path="Delivery",
        terms=(
            ("BT-72", "ActualDeliveryDate"),
            ("BT-70", "DeliveryParty/PartyName/Name"),
            ("BT-71", "DeliveryLocation/ID"),
            *_address(75, 165, "DeliveryLocation/Address"),
        ),
    ),
    Where(
        group="BG-14",
        path="InvoicePeriod",
        terms=(("BT-73", "StartDate"), ("BT-74", "EndDate"), ("BT-8", "DescriptionCode")),
    ),
)


def _allowance(group: str, path: str, first: int, *, of_line: bool = False) -> Where:
    reason = first + 3 if of_line else first + 5
    terms = [
        (f"BT-{reason}", "AllowanceChargeReason"),
        (f"BT-{reason + 1}", "AllowanceChargeReasonCode"),
        (f"BT-{first + 1}", "BaseAmount"),
        (f"BT-{first + 2}", "MultiplierFactorNumeric"),
        (f"BT-{first}", "Amount"),
    ]
    if not of_line:
        terms += [(f"BT-{first + 3}", "TaxCategory/ID"), (f"BT-{first + 4}", "TaxCategory/Percent")]
    terms.append(("", "ChargeIndicator|TaxCategory/TaxScheme/ID"))
    return Where(group=group, path=path, terms=tuple(terms))


def _line(path: str, groups: tuple[Where, ...] = ()) -> Where:
    return Where(
        group="BG-25",
        path=path,
        terms=(
            ("BT-126", "ID"),
            ("BT-127", "Note"),
            ("BT-128", "DocumentReference[DocumentTypeCode='130' or not(DocumentTypeCode)]/ID"),
            ("", "DocumentReference/DocumentTypeCode[.='130']"),
            ("BT-129", "InvoicedQuantity"),
            ("BT-131", "LineExtensionAmount"),
            ("BT-132", "OrderLineReference/LineID"),
            ("BT-133", "AccountingCost"),
            ("BT-146", "Price/PriceAmount"),
            ("BT-147", "Price/AllowanceCharge/Amount"),
            ("BT-148", "Price/AllowanceCharge/BaseAmount"),
            ("", "Price/AllowanceCharge/ChargeIndicator"),
            ("BT-149", "Price/BaseQuantity"),
            ("BT-151", "Item/ClassifiedTaxCategory/ID"),
            ("BT-152", "Item/ClassifiedTaxCategory/Percent"),
            ("", "Item/ClassifiedTaxCategory/TaxScheme/ID"),
            ("BT-153", "Item/Name"),
            ("BT-154", "Item/Description"),
            ("BT-155", "Item/SellersItemIdentification/ID"),
            ("BT-156", "Item/BuyersItemIdentification/ID"),
            ("BT-157", "Item/StandardItemIdentification/ID"),
            ("BT-158", "Item/CommodityClassification/ItemClassificationCode"),
            ("BT-159", "Item/OriginCountry/IdentificationCode"),
        ),
        groups=(
            Where(
                group="BG-26",
                path="InvoicePeriod",
                terms=(("BT-134", "StartDate"), ("BT-135", "EndDate")),
            ),
            _allowance("BG-27", f"AllowanceCharge[not({_TRUE})]", 136, of_line=True),
            _allowance("BG-28", f"AllowanceCharge[{_TRUE}]", 141, of_line=True),
            Where(
                group="BG-32",
                path="Item/AdditionalItemProperty",
                terms=(("BT-160", "Name"), ("BT-161", "Value")),
            ),
            *groups,
        ),
    )


_PAYMENT = Where(
    group="BG-16",
    path=".",
    groups=(
        Where(
            group="BG-17",
            path="PaymentMeans",
            terms=(
                ("BT-81", "PaymentMeansCode"),
                ("BT-82", "PaymentMeansCode/@name"),
                ("BT-83", "PaymentID"),
                ("BT-84", "PayeeFinancialAccount/ID"),
                ("BT-85", "PayeeFinancialAccount/Name"),
                ("BT-86", "PayeeFinancialAccount/FinancialInstitutionBranch/ID"),
                ("BT-87", "CardAccount/PrimaryAccountNumberID"),
                ("BT-88", "CardAccount/HolderName"),
                ("BT-89", "PaymentMandate/ID"),
                ("BT-91", "PaymentMandate/PayerFinancialAccount/ID"),
                ("BT-9", "PaymentDueDate"),
            ),
        ),
    ),
)
_TAX = Where(
    group="BG-23",
    path="TaxTotal/TaxSubtotal",
    terms=(
        ("BT-118", "TaxCategory/ID"),
        ("BT-119", "TaxCategory/Percent"),
        ("BT-116", "TaxableAmount"),
        ("BT-117", "TaxAmount"),
        ("BT-120", "TaxCategory/TaxExemptionReason"),
        ("BT-121", "TaxCategory/TaxExemptionReasonCode"),
        ("", "TaxCategory/TaxScheme/ID"),
    ),
)
_TOTALS = Where(
    group="BG-22",
    path=".",
    terms=(
        ("BT-106", "LegalMonetaryTotal/LineExtensionAmount"),
        ("BT-107", "LegalMonetaryTotal/AllowanceTotalAmount"),
        ("BT-108", "LegalMonetaryTotal/ChargeTotalAmount"),
        ("BT-109", "LegalMonetaryTotal/TaxExclusiveAmount"),
        ("BT-110", "TaxTotal/TaxAmount[not(@currencyID) or @currencyID=../../DocumentCurrencyCode]"),
        ("BT-111", "TaxTotal/TaxAmount"),
        ("BT-112", "LegalMonetaryTotal/TaxInclusiveAmount"),
        ("BT-113", "LegalMonetaryTotal/PrepaidAmount"),
        ("BT-114", "LegalMonetaryTotal/PayableRoundingAmount"),
        ("BT-115", "LegalMonetaryTotal/PayableAmount"),
    ),
)
_OBJECT = "DocumentTypeCode='130'"

UBL = Where(
    group="",
    path=".",
    terms=(
        ("BT-1", "ID"),
        ("BT-2", "IssueDate"),
        ("BT-3", "InvoiceTypeCode"),
        ("BT-5", "DocumentCurrencyCode"),
        ("BT-6", "TaxCurrencyCode"),
        ("BT-7", "TaxPointDate"),
        ("BT-9", "DueDate"),
        ("BT-10", "BuyerReference"),
        ("BT-11", "ProjectReference/ID|AdditionalDocumentReference[DocumentTypeCode='50']/ID"),
        ("BT-12", "ContractDocumentReference/ID"),
        ("BT-13", "OrderReference/ID"),
        ("BT-14", "OrderReference/SalesOrderID"),
        ("BT-15", "ReceiptDocumentReference/ID"),
        ("BT-16", "DespatchDocumentReference/ID"),
        ("BT-17", "OriginatorDocumentReference/ID"),
        ("BT-18", f"AdditionalDocumentReference[{_OBJECT}]/ID"),
        ("", f"AdditionalDocumentReference[{_OBJECT}]/DocumentTypeCode"),
        ("BT-19", "AccountingCost"),
        ("BT-20", "PaymentTerms/Note"),
        ("BT-23", "ProfileID"),
        ("BT-24", "CustomizationID"),
    ),
    groups=(
        Where(group="BG-1", path="Note", terms=(("BT-22", "."),), coded={"BT-22": "BT-21"}),
        Where(
            group="BG-3",
            path="BillingReference/InvoiceDocumentReference",
            terms=(("BT-25", "ID"), ("BT-26", "IssueDate")),
        ),
        *_PARTIES,
        _PAYMENT,
        _allowance("BG-20", f"AllowanceCharge[not({_TRUE})]", 92),
        _allowance("BG-21", f"AllowanceCharge[{_TRUE}]", 99),
        _TOTALS,
        _TAX,
        Where(
            group="BG-24",
            path=f"AdditionalDocumentReference[not({_OBJECT})]",
            terms=(
                ("BT-122", "ID"),
                ("BT-123", "DocumentDescription"),
                ("BT-124", "Attachment/ExternalReference/URI"),
                ("BT-125", "Attachment/EmbeddedDocumentBinaryObject"),
            ),
        ),
        _line("InvoiceLine", (_line("SubInvoiceLine", (_line("SubInvoiceLine"),)),)),
    ),
)
