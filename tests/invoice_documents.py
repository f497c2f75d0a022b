"""Makes small invoice documents and mails for tests, each with sensible values that a test may override."""

from __future__ import annotations

import io
from email.message import EmailMessage

from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject

_RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"


def cii(
    number: str = "R-2026-1", *, seller: str = "Nord GmbH", extra_totals: str = "", context: str = ""
) -> bytes:
    """A Cross Industry Invoice with every term that is read."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
    xmlns:ram="{_RAM}" xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
  <rsm:ExchangedDocumentContext>
    {context}
    <ram:GuidelineSpecifiedDocumentContextParameter><ram:ID>urn:cen.eu:en16931:2017</ram:ID>
    </ram:GuidelineSpecifiedDocumentContextParameter>
  </rsm:ExchangedDocumentContext>
  <rsm:ExchangedDocument><ram:ID> {number} </ram:ID><ram:TypeCode>380</ram:TypeCode>
    <ram:IssueDateTime><udt:DateTimeString format="102">20261109</udt:DateTimeString></ram:IssueDateTime>
  </rsm:ExchangedDocument>
  <rsm:SupplyChainTradeTransaction>
    <ram:ApplicableHeaderTradeAgreement>
      <ram:BuyerReference>04011000-12345-34</ram:BuyerReference>
      <ram:SellerTradeParty><ram:Name>{seller}</ram:Name>
        <ram:SpecifiedTaxRegistration><ram:ID schemeID="FC">22/815/0815/4</ram:ID></ram:SpecifiedTaxRegistration>
        <ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">DE123456788</ram:ID></ram:SpecifiedTaxRegistration>
      </ram:SellerTradeParty>
      <ram:BuyerTradeParty><ram:ID>4711</ram:ID><ram:GlobalID schemeID="0088">4012345000009</ram:GlobalID>
        <ram:Name>Musterwerk
            Süd</ram:Name>
        <ram:SpecifiedLegalOrganization><ram:ID schemeID="0002">12345</ram:ID></ram:SpecifiedLegalOrganization>
        <ram:DefinedTradeContact><ram:EmailURIUniversalCommunication><ram:URIID>a@b.example</ram:URIID>
        </ram:EmailURIUniversalCommunication></ram:DefinedTradeContact>
        <ram:URIUniversalCommunication><ram:URIID schemeID="EM">c@d.example</ram:URIID>
        </ram:URIUniversalCommunication>
      </ram:BuyerTradeParty>
      <ram:BuyerOrderReferencedDocument><ram:IssuerAssignedID>B-17</ram:IssuerAssignedID>
      </ram:BuyerOrderReferencedDocument>
    </ram:ApplicableHeaderTradeAgreement>
    <ram:ApplicableHeaderTradeSettlement>
      <ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
      <ram:SpecifiedTradeSettlementPaymentMeans><ram:PayeePartyCreditorFinancialAccount>
        <ram:IBANID>DE79000000001234567890</ram:IBANID></ram:PayeePartyCreditorFinancialAccount>
      </ram:SpecifiedTradeSettlementPaymentMeans>
      <ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime>
        <udt:DateTimeString format="102">20261123</udt:DateTimeString></ram:DueDateDateTime>
      </ram:SpecifiedTradePaymentTerms>
      <ram:SpecifiedTradeSettlementHeaderMonetarySummation>
        <ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount>
        {extra_totals}
        <ram:TaxTotalAmount currencyID="EUR">19.0</ram:TaxTotalAmount>
        <ram:GrandTotalAmount>119.00</ram:GrandTotalAmount>
        <ram:DuePayableAmount>119</ram:DuePayableAmount>
      </ram:SpecifiedTradeSettlementHeaderMonetarySummation>
    </ram:ApplicableHeaderTradeSettlement>
  </rsm:SupplyChainTradeTransaction>
</rsm:CrossIndustryInvoice>
""".encode()


def ubl(
    number: str = "R-2026-1", *, root: str = "Invoice", prolog: str = "", encoding: str = "UTF-8"
) -> bytes:
    """A UBL Invoice or CreditNote with every term that is read; or another UBL document by its root's name."""
    return f"""<?xml version="1.0" encoding="{encoding}"?>{prolog}
<{root} xmlns="{_UBL}{root}-2" xmlns:cac="{_UBL}CommonAggregateComponents-2"
    xmlns:cbc="{_UBL}CommonBasicComponents-2">
  <cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID>
  <cbc:ID>{number}</cbc:ID><cbc:IssueDate>2026-11-09</cbc:IssueDate><cbc:DueDate>2026-11-23</cbc:DueDate>
  <cbc:{root}TypeCode>380</cbc:{root}TypeCode>
  <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode><cbc:BuyerReference>KST-1</cbc:BuyerReference>
  <cac:OrderReference><cbc:ID>B-17</cbc:ID></cac:OrderReference>
  <cac:AccountingSupplierParty><cac:Party>
    <cac:PartyIdentification><cbc:ID schemeID="SEPA">DE98ZZZ09999999999</cbc:ID></cac:PartyIdentification>
    <cac:PartyName><cbc:Name>Nord</cbc:Name></cac:PartyName>
    <cac:PartyTaxScheme><cbc:CompanyID>22/815</cbc:CompanyID><cac:TaxScheme><cbc:ID>FC</cbc:ID></cac:TaxScheme>
    </cac:PartyTaxScheme>
    <cac:PartyTaxScheme><cbc:CompanyID>DE123456788</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID>
    </cac:TaxScheme></cac:PartyTaxScheme>
    <cac:PartyLegalEntity><cbc:RegistrationName>Nord GmbH</cbc:RegistrationName></cac:PartyLegalEntity>
  </cac:Party></cac:AccountingSupplierParty>
  <cac:AccountingCustomerParty><cac:Party>
    <cbc:EndpointID schemeID="EM">c@d.example</cbc:EndpointID>
    <cac:PartyIdentification><cbc:ID schemeID="0088">4012345000009</cbc:ID></cac:PartyIdentification>
    <cac:PartyName><cbc:Name>Müller</cbc:Name></cac:PartyName>
    <cac:PartyLegalEntity><cbc:CompanyID schemeID="0002">12345</cbc:CompanyID></cac:PartyLegalEntity>
    <cac:Contact><cbc:ElectronicMail>a@b.example</cbc:ElectronicMail></cac:Contact>
  </cac:Party></cac:AccountingCustomerParty>
  <cac:PaymentMeans><cac:PayeeFinancialAccount><cbc:ID>DE79000000001234567890</cbc:ID>
  </cac:PayeeFinancialAccount></cac:PaymentMeans>
  <cac:TaxTotal><cbc:TaxAmount currencyID="SEK">210.00</cbc:TaxAmount></cac:TaxTotal>
  <cac:TaxTotal><cbc:TaxAmount currencyID="EUR">19.00</cbc:TaxAmount></cac:TaxTotal>
  <cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount currencyID="EUR">100.00</cbc:TaxExclusiveAmount>
    <cbc:TaxInclusiveAmount currencyID="EUR">119.00</cbc:TaxInclusiveAmount>
    <cbc:PayableAmount currencyID="EUR">119.00</cbc:PayableAmount></cac:LegalMonetaryTotal>
</{root}>
""".encode("utf-16" if encoding == "UTF-16" else encoding)


def pdf(
    *lines: str,
    embedded: tuple[tuple[str, bytes], ...] = (),
    associated: tuple[tuple[str, bytes, str], ...] = (),
    picture: bool = False,
    password: str | None = None,
) -> bytes:
    """A PDF of one page with these lines of text; `associated` files (name, content, relationship) are under /AF."""
    writer = PdfWriter()
    page = writer.add_blank_page(595, 842)
    resources = DictionaryObject()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
            NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
        }
    )
    resources[NameObject("/Font")] = DictionaryObject({NameObject("/F"): font})
    if picture:
        image = DecodedStreamObject()
        image.set_data(b"\0")
        image.update(
            {NameObject("/Type"): NameObject("/XObject"), NameObject("/Subtype"): NameObject("/Image")}
        )
        resources[NameObject("/XObject")] = DictionaryObject({NameObject("/I"): writer._add_object(image)})
    page[NameObject("/Resources")] = resources
    if lines:
        contents = DecodedStreamObject()
        shown = b"".join(_shown(line) for line in lines)
        contents.set_data(b"BT /F 10 Tf 50 800 Td 14 TL " + shown + b"ET")
        page[NameObject("/Contents")] = writer._add_object(contents)
    for name, content in embedded:
        writer.add_attachment(name, content)
    if associated:
        files = ArrayObject([_specification(writer, *one) for one in associated])
        writer.root_object[NameObject("/AF")] = files
    if password is not None:
        writer.encrypt(password, algorithm="AES-256")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def mail(*attached: tuple[str, bytes], subject: str = "Unterlagen") -> bytes:
    """A mail with a covering text and these attachments (name, content), all declared as octet streams."""
    message = EmailMessage()
    message["From"] = "a@supplier.example"
    message["To"] = "b@company.example"
    message["Subject"] = subject
    message["Message-ID"] = "<1@supplier.example>"
    message.set_content("Guten Tag\n")
    for name, content in attached:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def _shown(line: str) -> bytes:
    escaped = line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    return b"(" + escaped + b") Tj T* "


def _specification(writer: PdfWriter, name: str, content: bytes, relationship: str) -> DictionaryObject:
    stream = DecodedStreamObject()
    stream.set_data(content)
    file = DictionaryObject({NameObject("/F"): writer._add_object(stream)})
    specification = DictionaryObject({NameObject("/Type"): NameObject("/Filespec"), NameObject("/EF"): file})
    from pypdf.generic import create_string_object  # noqa: PLC0415  -- not in pypdf's typed face

    specification[NameObject("/F")] = create_string_object(name)
    specification[NameObject("/AFRelationship")] = NameObject(f"/{relationship}")
    return specification
