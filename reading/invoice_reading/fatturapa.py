"""Reads the terms of a FatturaPA document: one invoice for each of its bodies."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from lxml import etree

from reading.invoice_reading.elements import child, children, iso_date, name_text, text, texts
from storage.records.reading import BusinessTerms, DocumentFormat, Identifier, Party

_ADDRESS_SCHEME = "CodiceDestinatario"  # of the exchange system (SdI); it has no code of its own in EAS


def read_fatturapa(root: etree._Element, syntax: DocumentFormat) -> tuple[BusinessTerms, ...]:
    """The terms of a FatturaElettronica (version 1.1 and 1.2), or of the simplified form.

    BT-109 and BT-110 are the sums over the VAT breakdown, exact decimals. What is missing is None. Never raises.
    """
    header = child(root, "FatturaElettronicaHeader")
    seller, buyer = _seller(header), _buyer(header)
    profile = root.get("versione") or text(header, "DatiTrasmissione/FormatoTrasmissione")
    return tuple(
        _terms(body, syntax, profile=profile, seller=seller, buyer=buyer)
        for body in children(root, "FatturaElettronicaBody")
    )


def _terms(
    body: etree._Element, syntax: DocumentFormat, *, profile: str | None, seller: Party, buyer: Party
) -> BusinessTerms:
    general = child(body, "DatiGenerali/DatiGeneraliDocumento")
    return BusinessTerms(
        format=syntax,
        structured=True,
        profile=profile,
        invoice_number=text(general, "Numero"),
        issue_date=iso_date(text(general, "Data")),
        type_code=text(general, "TipoDocumento"),
        currency=text(general, "Divisa"),
        due_date=_only(
            {iso_date(one) for one in texts(body, "DatiPagamento/DettaglioPagamento/DataScadenzaPagamento")}
        ),
        order_reference=_order(body),
        seller=seller,
        buyer=buyer,
        total_without_vat=_sum(body, "DatiBeniServizi/DatiRiepilogo/ImponibileImporto"),
        vat_total=_sum(body, "DatiBeniServizi/DatiRiepilogo/Imposta"),
        total_with_vat=text(general, "ImportoTotaleDocumento"),
        payee_accounts=tuple(dict.fromkeys(texts(body, "DatiPagamento/DettaglioPagamento/IBAN"))),
    )


def _seller(header: etree._Element | None) -> Party:
    party = child(header, "CedentePrestatore")
    own = child(party, "DatiAnagrafici") if child(party, "DatiAnagrafici") is not None else party
    return Party(
        name=_name(own),
        vat_id=_vat_id(own),
        tax_registration_id=text(own, "CodiceFiscale"),
        email=text(party, "Contatti/Email"),
    )


def _buyer(header: etree._Element | None) -> Party:
    party = child(header, "CessionarioCommittente")
    own = child(party, "DatiAnagrafici", "IdentificativiFiscali")
    code = text(header, "DatiTrasmissione/CodiceDestinatario")
    fiscal = text(own, "CodiceFiscale")
    return Party(
        name=_name(own) or _name(child(party, "AltriDatiIdentificativi")),
        vat_id=_vat_id(own),
        legal_registration=Identifier(scheme="", value=fiscal) if fiscal else None,
        electronic_address=Identifier(scheme=_ADDRESS_SCHEME, value=code) if code else None,
        email=text(header, "DatiTrasmissione/PECDestinatario"),
    )


def _name(own: etree._Element | None) -> str | None:
    person = child(own, "Anagrafica") if child(own, "Anagrafica") is not None else own
    company = name_text(person, "Denominazione")
    return (
        company or " ".join(filter(None, (name_text(person, "Nome"), name_text(person, "Cognome")))) or None
    )


def _vat_id(own: etree._Element | None) -> str | None:
    number = text(own, "IdFiscaleIVA/IdCodice")
    return f"{text(own, 'IdFiscaleIVA/IdPaese') or ''}{number}" if number else None


def _order(body: etree._Element) -> str | None:
    """The one order that all of it is of; others stand at lines."""
    orders = {
        text(order, "IdDocumento")
        for order in children(body, "DatiGenerali/DatiOrdineAcquisto")
        if child(order, "RiferimentoNumeroLinea") is None
    }
    return _only(orders)


def _only(found: set[str | None]) -> str | None:
    return found.pop() if len(found) == 1 else None


def _sum(body: etree._Element, path: str) -> str | None:
    written = list(texts(body, path))
    if len(written) < 2:
        return written[0] if written else None
    try:
        return str(sum(Decimal(one) for one in written))
    except InvalidOperation:
        return None
