"""Where the terms of an invoice stand in FatturaPA, ebInterface and Facturae, by local names."""

from __future__ import annotations

from reading.rendering.outline import Where

# --- FatturaPA ---
_ANAGRAFICA = "DatiAnagrafici/Anagrafica"


def _sede(street: int) -> tuple[tuple[str, str], ...]:
    paths = ("Indirizzo", "NumeroCivico", "Comune", "CAP", "Provincia", "Nazione")
    return tuple((f"BT-{street + place}", f"Sede/{path}") for place, path in enumerate(paths))


def _italian(group: str, path: str, name: int, vat: int, street: int, first_identifier: int) -> Where:
    return Where(
        group=group,
        path=path,
        terms=(
            (f"BT-{name}", f"{_ANAGRAFICA}/Denominazione|{_ANAGRAFICA}/Nome|{_ANAGRAFICA}/Cognome"),
            *_sede(street),
            (f"BT-{vat}", "DatiAnagrafici/IdFiscaleIVA/IdPaese|DatiAnagrafici/IdFiscaleIVA/IdCodice"),
            (f"BT-{first_identifier}", "DatiAnagrafici/CodiceFiscale"),
            *((("BT-42", "Contatti/Telefono"), ("BT-43", "Contatti/Email")) if group == "BG-4" else ()),
        ),
        joined={f"BT-{name}": " ", f"BT-{vat}": ""},
    )


_GENERAL = "FatturaElettronicaBody/DatiGenerali"
_GENERAL_DOCUMENT = f"{_GENERAL}/DatiGeneraliDocumento"
_GOODS = "FatturaElettronicaBody/DatiBeniServizi"
FATTURAPA = Where(
    group="",
    path=".",
    terms=(
        ("BT-1", f"{_GENERAL_DOCUMENT}/Numero"),
        ("BT-2", f"{_GENERAL_DOCUMENT}/Data"),
        ("BT-3", f"{_GENERAL_DOCUMENT}/TipoDocumento"),
        ("BT-5", f"{_GENERAL_DOCUMENT}/Divisa"),
        ("BT-13", f"{_GENERAL}/DatiOrdineAcquisto/IdDocumento"),
        ("BT-12", f"{_GENERAL}/DatiContratto/IdDocumento"),
        ("BT-24", "FatturaElettronicaHeader/DatiTrasmissione/FormatoTrasmissione"),
        ("BT-49", "FatturaElettronicaHeader/DatiTrasmissione/CodiceDestinatario"),
    ),
    groups=(
        Where(group="BG-1", path=f"{_GENERAL_DOCUMENT}/Causale", terms=(("BT-22", "."),)),
        _italian("BG-4", "FatturaElettronicaHeader/CedentePrestatore", 27, 31, 35, 32),
        _italian("BG-7", "FatturaElettronicaHeader/CessionarioCommittente", 44, 48, 50, 46),
        Where(
            group="BG-16",
            path="FatturaElettronicaBody/DatiPagamento",
            groups=(
                Where(
                    group="BG-17",
                    path="DettaglioPagamento",
                    terms=(
                        ("BT-81", "ModalitaPagamento"),
                        ("BT-9", "DataScadenzaPagamento"),
                        ("BT-115", "ImportoPagamento"),
                        ("BT-84", "IBAN"),
                        ("BT-86", "BIC"),
                        ("BT-59", "Beneficiario"),
                    ),
                ),
            ),
        ),
        Where(group="BG-22", path=".", terms=(("BT-112", f"{_GENERAL_DOCUMENT}/ImportoTotaleDocumento"),)),
        Where(
            group="BG-23",
            path=f"{_GOODS}/DatiRiepilogo",
            terms=(
                ("BT-118", "Natura"),
                ("BT-119", "AliquotaIVA"),
                ("BT-116", "ImponibileImporto"),
                ("BT-117", "Imposta"),
                ("BT-120", "RiferimentoNormativo"),
            ),
        ),
        Where(
            group="BG-24",
            path="FatturaElettronicaBody/Allegati",
            terms=(
                ("BT-122", "NomeAttachment"),
                ("BT-123", "DescrizioneAttachment"),
                ("BT-125", "Attachment"),
            ),
        ),
        Where(
            group="BG-25",
            path=f"{_GOODS}/DettaglioLinee",
            terms=(
                ("BT-126", "NumeroLinea"),
                ("BT-153", "Descrizione"),
                ("BT-129", "Quantita"),
                ("BT-130", "UnitaMisura"),
                ("BT-146", "PrezzoUnitario"),
                ("BT-131", "PrezzoTotale"),
                ("BT-151", "Natura"),
                ("BT-152", "AliquotaIVA"),
                ("BT-155", "CodiceArticolo/CodiceValore"),
                ("BT-134", "DataInizioPeriodo"),
                ("BT-135", "DataFinePeriodo"),
            ),
        ),
    ),
)


# --- ebInterface ---
def _austrian(group: str, path: str, name: int, vat: int, street: int, contact: int) -> Where:
    return Where(
        group=group,
        path=path,
        terms=(
            (f"BT-{name}", "Address/Name"),
            (f"BT-{street}", "Address/Street"),
            (f"BT-{street + 1}", "Address/AddressExtension"),
            (f"BT-{street + 2}", "Address/Town"),
            (f"BT-{street + 3}", "Address/ZIP"),
            (f"BT-{street + 5}", "Address/Country/@CountryCode|Address/Country[not(@CountryCode)]"),
            (f"BT-{contact}", "Contact/Name|Address/Contact"),
            (f"BT-{contact + 1}", "Contact/Phone|Address/Phone"),
            (f"BT-{contact + 2}", "Contact/Email|Address/Email"),
            (f"BT-{vat}", "VATIdentificationNumber"),
            ("BT-13", "OrderReference/OrderID"),
            ("BT-29" if name == 27 else "BT-46", "InvoiceRecipientsBillerID|BillersInvoiceRecipientID"),
        ),
    )


EBINTERFACE = Where(
    group="",
    path=".",
    terms=(
        ("BT-1", "InvoiceNumber"),
        ("BT-2", "InvoiceDate"),
        ("BT-9", "PaymentConditions/DueDate"),
        ("BT-20", "PaymentConditions/Comment"),
        ("BT-72", "Delivery/Date"),
    ),
    groups=(
        Where(group="BG-1", path="Comment", terms=(("BT-22", "."),)),
        Where(group="BG-1", path="Details/HeaderDescription", terms=(("BT-22", "."),)),
        Where(group="BG-1", path="Details/FooterDescription", terms=(("BT-22", "."),)),
        Where(
            group="BG-3",
            path="RelatedDocument|CancelledOriginalDocument",
            terms=(("BT-25", "InvoiceNumber"), ("BT-26", "InvoiceDate")),
        ),
        _austrian("BG-4", "Biller", 27, 31, 35, 41),
        _austrian("BG-7", "InvoiceRecipient", 44, 48, 50, 56),
        Where(
            group="BG-14",
            path="Delivery/Period",
            terms=(("BT-73", "FromDate"), ("BT-74", "ToDate")),
        ),
        Where(
            group="BG-16",
            path="PaymentMethod",
            terms=(("BT-83", "UniversalBankTransaction/PaymentReference"), ("BT-82", "Comment")),
            groups=(
                Where(
                    group="BG-17",
                    path="UniversalBankTransaction/BeneficiaryAccount",
                    terms=(
                        ("BT-84", "IBAN|BankAccountNr"),
                        ("BT-85", "BankAccountOwner"),
                        ("BT-86", "BIC|BankName"),
                    ),
                ),
            ),
        ),
        Where(
            group="BG-22",
            path=".",
            terms=(("BT-112", "TotalGrossAmount"), ("BT-113", "PrepaidAmount"), ("BT-115", "PayableAmount")),
        ),
        Where(
            group="BG-23",
            path="Tax/VAT/VATItem|Tax/VAT/Item|Tax/TaxItem",
            terms=(
                ("BT-118", "TaxPercent/@TaxCategoryCode"),
                ("BT-119", "VATRate|TaxPercent"),
                ("BT-116", "TaxedAmount|TaxableAmount"),
                ("BT-117", "Amount|TaxAmount"),
                ("BT-120", "TaxExemption|Comment"),
            ),
        ),
        Where(
            group="BG-25",
            path="Details/ItemList/ListLineItem",
            terms=(
                ("BT-126", "PositionNumber"),
                ("BT-153", "Description"),
                ("BT-129", "Quantity"),
                ("BT-130", "Quantity/@Unit"),
                ("BT-146", "UnitPrice"),
                ("BT-152", "VATRate|TaxItem/TaxPercent"),
                ("BT-131", "LineItemAmount"),
                ("BT-155", "ArticleNumber"),
                ("BT-132", "InvoiceRecipientsOrderReference/OrderPositionNumber"),
            ),
        ),
    ),
)

# --- Facturae ---


def _spanish(group: str, path: str, name: int, tax: str, street: int) -> Where:
    def below(*names: str) -> str:
        return "|".join(
            f"*/{where}/{one}" for where in ("AddressInSpain", "OverseasAddress") for one in names
        )

    return Where(
        group=group,
        path=path,
        terms=(
            (
                f"BT-{name}",
                "LegalEntity/CorporateName|Individual/Name|Individual/FirstSurname|Individual/SecondSurname",
            ),
            (f"BT-{name + 1}", "LegalEntity/TradeName"),
            (f"BT-{street}", below("Address")),
            (f"BT-{street + 2}", below("Town")),
            (f"BT-{street + 3}", below("PostCode", "PostCodeAndTown")),
            (f"BT-{street + 4}", below("Province")),
            (f"BT-{street + 5}", below("CountryCode")),
            (tax, "TaxIdentification/TaxIdentificationNumber"),
            ("BT-42" if name == 27 else "BT-57", "*/ContactDetails/Telephone"),
            ("BT-43" if name == 27 else "BT-58", "*/ContactDetails/ElectronicMail"),
        ),
    )


_SPANISH_INVOICE = "Invoices/Invoice"
FACTURAE = Where(
    group="",
    path=".",
    terms=(
        (
            "BT-1",
            f"{_SPANISH_INVOICE}/InvoiceHeader/InvoiceSeriesCode|{_SPANISH_INVOICE}/InvoiceHeader/InvoiceNumber",
        ),
        ("BT-2", f"{_SPANISH_INVOICE}/InvoiceIssueData/IssueDate"),
        ("BT-3", f"{_SPANISH_INVOICE}/InvoiceHeader/InvoiceDocumentType"),
        ("BT-5", f"{_SPANISH_INVOICE}/InvoiceIssueData/InvoiceCurrencyCode"),
        ("BT-6", f"{_SPANISH_INVOICE}/InvoiceIssueData/TaxCurrencyCode"),
        ("BT-24", "FileHeader/SchemaVersion"),
    ),
    groups=(
        Where(group="BG-1", path=f"{_SPANISH_INVOICE}/LegalLiterals/LegalReference", terms=(("BT-22", "."),)),
        _spanish("BG-4", "Parties/SellerParty", 27, "BT-31", 35),
        _spanish("BG-7", "Parties/BuyerParty", 44, "BT-48", 50),
        Where(
            group="BG-14",
            path=f"{_SPANISH_INVOICE}/InvoiceIssueData/InvoicingPeriod",
            terms=(("BT-73", "StartDate"), ("BT-74", "EndDate")),
        ),
        Where(
            group="BG-16",
            path=f"{_SPANISH_INVOICE}/PaymentDetails",
            groups=(
                Where(
                    group="BG-17",
                    path="Installment",
                    terms=(
                        ("BT-81", "PaymentMeans"),
                        ("BT-9", "InstallmentDueDate"),
                        ("BT-115", "InstallmentAmount"),
                        ("BT-84", "AccountToBeCredited/IBAN|AccountToBeCredited/AccountNumber"),
                        ("BT-91", "AccountToBeDebited/IBAN"),
                    ),
                ),
            ),
        ),
        Where(
            group="BG-22",
            path=f"{_SPANISH_INVOICE}/InvoiceTotals",
            terms=(
                ("BT-106", "TotalGrossAmount"),
                ("BT-107", "TotalGeneralDiscounts"),
                ("BT-108", "TotalGeneralSurcharges"),
                ("BT-109", "TotalGrossAmountBeforeTaxes"),
                ("BT-110", "TotalTaxOutputs"),
                ("BT-112", "InvoiceTotal"),
                ("BT-115", "TotalExecutableAmount"),
            ),
        ),
        Where(
            group="BG-23",
            path=f"{_SPANISH_INVOICE}/TaxesOutputs/Tax",
            terms=(
                ("BT-118", "TaxTypeCode"),
                ("BT-119", "TaxRate"),
                ("BT-116", "TaxableBase/TotalAmount"),
                ("BT-117", "TaxAmount/TotalAmount"),
            ),
        ),
        Where(
            group="BG-25",
            path=f"{_SPANISH_INVOICE}/Items/InvoiceLine",
            terms=(
                ("BT-126", "SequenceNumber"),
                ("BT-153", "ItemDescription"),
                ("BT-129", "Quantity"),
                ("BT-130", "UnitOfMeasure"),
                ("BT-146", "UnitPriceWithoutTax"),
                ("BT-131", "GrossAmount"),
                ("BT-152", "TaxesOutputs/Tax/TaxRate"),
                ("BT-155", "ArticleCode"),
                ("BT-127", "AdditionalLineItemInformation"),
            ),
        ),
    ),
)
