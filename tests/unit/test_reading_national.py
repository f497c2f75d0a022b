"""FatturaPA, ebInterface, Facturae, EDIFACT, and envelopes: each term from its place."""

from __future__ import annotations

import base64

import pytest

from reading.invoice_reading.edifact import opens_like_edifact, read_edifact
from reading.invoice_reading.values import NotAnInvoice, StructuredInvoice
from reading.invoice_reading.xml_document import read_xml
from storage.records.reading import BusinessTerms, DocumentFormat, Identifier, Party
from tests.invoice_documents import cii, ubl

_BODY = """
<FatturaElettronicaBody>
 <DatiGenerali>
  <DatiGeneraliDocumento><TipoDocumento>TD01</TipoDocumento><Divisa>EUR</Divisa><Data>2026-11-0{n}</Data>
   <Numero>F {n}</Numero>{total}</DatiGeneraliDocumento>
  <DatiOrdineAcquisto><IdDocumento>B-17</IdDocumento></DatiOrdineAcquisto>
  <DatiOrdineAcquisto><RiferimentoNumeroLinea>1</RiferimentoNumeroLinea><IdDocumento>x</IdDocumento></DatiOrdineAcquisto>
 </DatiGenerali>
 <DatiBeniServizi>
  <DatiRiepilogo><ImponibileImporto>10.10</ImponibileImporto><Imposta>2.22</Imposta></DatiRiepilogo>
  <DatiRiepilogo><ImponibileImporto>5.00</ImponibileImporto><Imposta>0.50</Imposta></DatiRiepilogo>
 </DatiBeniServizi>
 <DatiPagamento><DettaglioPagamento><DataScadenzaPagamento>2026-12-01</DataScadenzaPagamento>
  <IBAN>IT60X0542811101000000123456</IBAN></DettaglioPagamento></DatiPagamento>
</FatturaElettronicaBody>"""


def _fattura(*bodies: str) -> bytes:
    return f"""<p:FatturaElettronica versione="FPR12" xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2">
<FatturaElettronicaHeader>
 <DatiTrasmissione><CodiceDestinatario>ABC1234</CodiceDestinatario><PECDestinatario>c@pec.example</PECDestinatario>
 </DatiTrasmissione>
 <CedentePrestatore><DatiAnagrafici><IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>01234567897</IdCodice></IdFiscaleIVA>
  <CodiceFiscale>RSSMRA</CodiceFiscale><Anagrafica><Nome>Maria</Nome><Cognome>Rossi</Cognome></Anagrafica></DatiAnagrafici>
 </CedentePrestatore>
 <CessionarioCommittente><DatiAnagrafici><CodiceFiscale>09876543210</CodiceFiscale>
  <Anagrafica><Denominazione>Beta  SRL</Denominazione></Anagrafica></DatiAnagrafici></CessionarioCommittente>
</FatturaElettronicaHeader>{"".join(bodies)}</p:FatturaElettronica>""".encode()


def _terms(octets: bytes) -> tuple[BusinessTerms, ...]:
    documents = read_xml(octets, presented_as_xml=False)
    return tuple(one.terms for one in documents if isinstance(one, StructuredInvoice))


def test_every_term_of_fatturapa() -> None:
    """Elements without a namespace below a root with one; sums over the VAT breakdown; the order of all lines."""
    total = "<ImportoTotaleDocumento>17.82</ImportoTotaleDocumento>"

    (terms,) = _terms(_fattura(_BODY.format(n=1, total=total)))

    assert terms == BusinessTerms(
        format=DocumentFormat.FATTURAPA,
        structured=True,
        profile="FPR12",
        invoice_number="F 1",
        issue_date="2026-11-01",
        type_code="TD01",
        currency="EUR",
        due_date="2026-12-01",
        order_reference="B-17",
        seller=Party(name="Maria Rossi", vat_id="IT01234567897", tax_registration_id="RSSMRA"),
        buyer=Party(
            name="Beta SRL",
            legal_registration=Identifier(scheme="", value="09876543210"),
            electronic_address=Identifier(scheme="CodiceDestinatario", value="ABC1234"),
            email="c@pec.example",
        ),
        total_without_vat="15.10",
        vat_total="2.72",
        total_with_vat="17.82",
        payee_accounts=("IT60X0542811101000000123456",),
    )


def test_each_body_of_fatturapa_is_an_invoice() -> None:
    """With the parties of the one header."""
    found = _terms(_fattura(_BODY.format(n=1, total=""), _BODY.format(n=2, total="")))

    assert [one.invoice_number for one in found] == ["F 1", "F 2"]
    assert {one.buyer.name for one in found} == {"Beta SRL"}


@pytest.mark.parametrize("qualified", [True, False])
def test_every_term_of_ebinterface(qualified: bool) -> None:
    """Attributes stand in the namespace in older versions, in none in newer ones."""
    prefix = "eb:" if qualified else ""
    octets = f"""<eb:Invoice xmlns:eb="http://www.ebinterface.at/schema/6p1/" {prefix}DocumentType="Invoice"
      {prefix}InvoiceCurrency="EUR"><eb:InvoiceNumber>R 1</eb:InvoiceNumber><eb:InvoiceDate>2026-11-01</eb:InvoiceDate>
     <eb:Biller><eb:VATIdentificationNumber>ATU12345675</eb:VATIdentificationNumber>
      <eb:Address><eb:Name>Nord GmbH</eb:Name></eb:Address></eb:Biller>
     <eb:InvoiceRecipient><eb:OrderReference><eb:OrderID>Z01</eb:OrderID></eb:OrderReference>
      <eb:Address><eb:Name>Süd AG</eb:Name></eb:Address><eb:Contact><eb:Email>a@b.example</eb:Email></eb:Contact>
      <eb:BillersInvoiceRecipientID>4711</eb:BillersInvoiceRecipientID></eb:InvoiceRecipient>
     <eb:TotalGrossAmount>12</eb:TotalGrossAmount>
     <eb:PaymentMethod><eb:UniversalBankTransaction><eb:BeneficiaryAccount><eb:IBAN>AT611904300234573201</eb:IBAN>
      </eb:BeneficiaryAccount></eb:UniversalBankTransaction></eb:PaymentMethod>
     <eb:PaymentConditions><eb:DueDate>2026-12-01</eb:DueDate></eb:PaymentConditions></eb:Invoice>""".encode()

    (terms,) = _terms(octets)

    assert terms == BusinessTerms(
        format=DocumentFormat.EBINTERFACE,
        structured=True,
        profile="http://www.ebinterface.at/schema/6p1/",
        invoice_number="R 1",
        issue_date="2026-11-01",
        type_code="Invoice",
        currency="EUR",
        due_date="2026-12-01",
        order_reference="Z01",
        seller=Party(name="Nord GmbH", vat_id="ATU12345675"),
        buyer=Party(name="Süd AG", identifiers=(Identifier(scheme="", value="4711"),), email="a@b.example"),
        total_with_vat="12",
        amount_due="12",
        payee_accounts=("AT611904300234573201",),
    )


def test_every_term_of_facturae() -> None:
    """A batch of two; the number is that of its series."""
    invoice = """<Invoice><InvoiceHeader><InvoiceNumber>{n}</InvoiceNumber><InvoiceSeriesCode>A-</InvoiceSeriesCode>
     <InvoiceDocumentType>FC</InvoiceDocumentType></InvoiceHeader><InvoiceIssueData><IssueDate>2026-11-01</IssueDate>
     <InvoiceCurrencyCode>EUR</InvoiceCurrencyCode></InvoiceIssueData><InvoiceTotals>
     <TotalGrossAmountBeforeTaxes>100.00</TotalGrossAmountBeforeTaxes><TotalTaxOutputs>21.00</TotalTaxOutputs>
     <InvoiceTotal>121.00</InvoiceTotal><TotalExecutableAmount>106.00</TotalExecutableAmount></InvoiceTotals>
     <PaymentDetails><Installment><InstallmentDueDate>2026-12-01</InstallmentDueDate><AccountToBeCredited>
     <IBAN>ES9121000418450200051332</IBAN></AccountToBeCredited></Installment></PaymentDetails></Invoice>"""
    octets = f"""<fe:Facturae xmlns:fe="http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml">
     <FileHeader><SchemaVersion>3.2.2</SchemaVersion></FileHeader><Parties>
     <SellerParty><TaxIdentification><TaxIdentificationNumber>B1</TaxIdentificationNumber></TaxIdentification>
      <Individual><Name>Maria</Name></Individual></SellerParty>
     <BuyerParty><TaxIdentification><TaxIdentificationNumber>B2</TaxIdentificationNumber></TaxIdentification>
      <LegalEntity><CorporateName>Sur SL</CorporateName></LegalEntity></BuyerParty></Parties>
     <Invoices>{invoice.format(n=1)}{invoice.format(n=2)}</Invoices></fe:Facturae>""".encode()

    first, second = _terms(octets)

    assert second.invoice_number == "A-2"
    assert first == BusinessTerms(
        format=DocumentFormat.FACTURAE,
        structured=True,
        profile="3.2.2",
        invoice_number="A-1",
        issue_date="2026-11-01",
        type_code="FC",
        currency="EUR",
        due_date="2026-12-01",
        seller=Party(name="Maria", vat_id="B1"),
        buyer=Party(name="Sur SL", vat_id="B2"),
        total_without_vat="100.00",
        vat_total="21.00",
        total_with_vat="121.00",
        amount_due="106.00",
        payee_accounts=("ES9121000418450200051332",),
    )


_INTERCHANGE = (
    "UNA:+.? '\r\nUNB+UNOC:3+4000001000005:14+4012345000009:14+261124:1200+1'\r\n"
    "UNH+1+INVOIC:D:96A:UN:EAN008'\r\nBGM+380+RE?+17?'A'\r\nDTM+137:20261124:102'\r\nDTM+13:261224:101'\r\n"
    "RFF+ON:B-17'\r\nNAD+SU+4000001000005::9++Müller:Söhne'\r\nRFF+VA:DE123456788'\r\n"
    "NAD+BY+4012345000009::9'\r\nRFF+VA:DE987654321'\r\nCUX+2:EUR:4'\r\n"
    "LIN+1++4000001000012:EN'\r\nMOA+203:100'\r\nUNS+S'\r\n"
    "MOA+77:119,00'\r\nMOA+125:100'\r\nMOA+124:19'\r\nMOA+9:119'\r\nUNT+17+1'\r\n{more}UNZ+1+1'\r\n"
)


def test_every_term_of_edifact() -> None:
    """In Latin-1, as UNOC says; the release sign keeps a plus sign and an apostrophe in the number."""
    octets = _INTERCHANGE.format(more="").encode("latin-1")

    (document,) = read_edifact(octets)

    assert opens_like_edifact(octets)
    assert isinstance(document, StructuredInvoice)
    assert document.terms == BusinessTerms(
        format=DocumentFormat.OTHER,
        structured=True,
        profile="INVOIC:D:96A:UN:EAN008",
        invoice_number="RE+17'A",
        issue_date="2026-11-24",
        type_code="380",
        currency="EUR",
        due_date="2026-12-24",
        order_reference="B-17",
        seller=Party(
            name="Müller Söhne",
            vat_id="DE123456788",
            identifiers=(Identifier(scheme="0088", value="4000001000005"),),
        ),
        buyer=Party(vat_id="DE987654321", identifiers=(Identifier(scheme="0088", value="4012345000009"),)),
        total_without_vat="100",
        vat_total="19",
        total_with_vat="119.00",
        amount_due="119",
    )


def test_each_invoic_message_is_an_invoice() -> None:
    """Beside a message of another kind, which is none."""
    more = "UNH+2+DESADV:D:96A:UN'\r\nUNT+2+2'\r\nUNH+3+INVOIC:D:01B:UN'\r\nBGM+381+G-1'\r\nUNT+3+3'\r\n"

    found = read_edifact(_INTERCHANGE.format(more=more).encode("latin-1"))

    numbers = [one.terms.invoice_number for one in found if isinstance(one, StructuredInvoice)]
    assert numbers == ["RE+17'A", "G-1"]


def test_another_edifact_message_is_no_invoice() -> None:
    """A despatch advice comes in the same syntax."""
    (document,) = read_edifact(b"UNB+UNOA:1+A+B+261124:1200+1'UNH+1+DESADV:D:96A:UN'UNT+2+1'UNZ+1+1'")

    assert document == NotAnInvoice("it is an EDIFACT message DESADV, not an invoice", trade_document=True)


@pytest.mark.parametrize(
    "envelope",
    [
        '<s:StandardBusinessDocument xmlns:s="urn:sbdh"><s:Header/>{inner}</s:StandardBusinessDocument>',
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><x>{inner}</x></e:Body></e:Envelope>',
        (
            '<a:AttachedDocument xmlns:a="urn:a"><a:Attachment><a:ExternalReference><a:Description><![CDATA[{inner}]]>'
            "</a:Description></a:ExternalReference></a:Attachment></a:AttachedDocument>"
        ),
        (
            '<a:AttachedDocument xmlns:a="urn:a"><a:EmbeddedDocumentBinaryObject>{base64}'
            "</a:EmbeddedDocumentBinaryObject></a:AttachedDocument>"
        ),
    ],
    ids=["sbd", "soap", "attached-as-text", "attached-as-base64"],
)
@pytest.mark.parametrize("document", [ubl("R-1"), cii("R-1")], ids=["ubl", "cii"])
def test_an_invoice_in_an_envelope(envelope: str, document: bytes) -> None:
    """What a network or an authority puts around it is not in the way."""
    inner = document.decode().partition("?>")[2] if document.startswith(b"<?xml") else document.decode()
    octets = envelope.format(inner=inner, base64=base64.b64encode(document).decode())

    (terms,) = _terms(octets.encode())

    assert terms.invoice_number == "R-1"


def test_zugferd_before_1_0() -> None:
    """Its elements are in no namespace, its dates have no element of their own; BT-24 tells what it was."""
    octets = b"""<rsm:Invoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CBFBUY:5">
     <rsm:SpecifiedExchangedDocumentContext><TestIndicator>true</TestIndicator>
      <GuidelineSpecifiedDocumentContextParameter><ID>urn:ferd:invoice:rc:comfort</ID>
      </GuidelineSpecifiedDocumentContextParameter></rsm:SpecifiedExchangedDocumentContext>
     <rsm:HeaderExchangedDocument><ID>RE-1</ID><TypeCode>380</TypeCode>
      <IssueDateTime format="102">20140522</IssueDateTime></rsm:HeaderExchangedDocument>
     <rsm:SpecifiedSupplyChainTradeTransaction><ApplicableSupplyChainTradeSettlement>
      <InvoiceCurrencyCode>EUR</InvoiceCurrencyCode><SpecifiedTradePaymentTerms>
      <DueDateDateTime format="102">20140612</DueDateDateTime></SpecifiedTradePaymentTerms>
      <SpecifiedTradeSettlementMonetarySummation><GrandTotalAmount currencyID="EUR">571.04</GrandTotalAmount>
      </SpecifiedTradeSettlementMonetarySummation></ApplicableSupplyChainTradeSettlement>
     </rsm:SpecifiedSupplyChainTradeTransaction></rsm:Invoice>"""

    (terms,) = _terms(octets)

    assert terms == BusinessTerms(
        format=DocumentFormat.OTHER,
        structured=True,
        profile="urn:ferd:invoice:rc:comfort",
        invoice_number="RE-1",
        issue_date="2014-05-22",
        type_code="380",
        currency="EUR",
        due_date="2014-06-12",
        total_with_vat="571.04",
        test_indicator=True,
    )
