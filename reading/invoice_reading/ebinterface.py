"""Reads the terms of an ebInterface invoice, the Austrian standard."""

from __future__ import annotations

from lxml import etree

from reading.invoice_reading.elements import attribute, child, iso_date, name_text, text, texts
from storage.records.reading import BusinessTerms, DocumentFormat, Identifier, Party


def read_ebinterface(root: etree._Element, syntax: DocumentFormat) -> BusinessTerms:
    """The terms of an Invoice of ebInterface 3.x to 6.x.

    BT-24 is the namespace, which names the version; BT-3 the document type in its own words, "Invoice". What is missing
    is None. Never raises.
    """
    return BusinessTerms(
        format=syntax,
        structured=True,
        profile=etree.QName(root).namespace,
        invoice_number=text(root, "InvoiceNumber"),
        issue_date=iso_date(text(root, "InvoiceDate")),
        type_code=attribute(root, "DocumentType"),
        currency=attribute(root, "InvoiceCurrency"),
        due_date=iso_date(text(root, "PaymentConditions/DueDate")),
        order_reference=text(root, "InvoiceRecipient/OrderReference/OrderID"),
        seller=_party(child(root, "Biller"), "InvoiceRecipientsBillerID"),
        buyer=_party(child(root, "InvoiceRecipient"), "BillersInvoiceRecipientID"),
        total_with_vat=text(root, "TotalGrossAmount"),
        amount_due=text(root, "PayableAmount") or text(root, "TotalGrossAmount"),
        payee_accounts=tuple(
            dict.fromkeys(
                (
                    *texts(root, "PaymentMethod/UniversalBankTransaction/BeneficiaryAccount/IBAN"),
                    *texts(root, "UniversalBankTransaction/BeneficiaryAccount/IBAN"),
                )
            )
        ),
    )


def _party(party: etree._Element | None, given_by_the_other: str) -> Party:
    number = text(party, given_by_the_other)
    return Party(
        name=name_text(party, "Address/Name"),
        vat_id=text(party, "VATIdentificationNumber"),
        identifiers=(Identifier(scheme="", value=number),) if number else (),
        email=text(party, "Address/Email", "Contact/Email"),
    )
