"""Judges by its words whether a text for people is an invoice."""

from __future__ import annotations

import re

from reading.invoice_reading.values import Evidence

_INVOICE = (
    r"rechnung|e-rechnung|gutschrift|rechnungskorrektur|korrekturrechnung|stornorechnung|teilrechnung"
    r"|abschlagsrechnung|schlussrechnung|sammelrechnung|invoice|tax\ invoice|commercial\ invoice|credit\ note"
    r"|credit\ memo|facture|avoir|fattura|nota\ di\ credito|factura|fatura|factuur|faktura|faktuur|lasku|faktúra|számla"
)
_OTHER = (
    r"mahnung|zahlungserinnerung|(?:[1-3]\.\ )?zahlungsaufforderung|lieferschein|auftragsbestätigung|angebot"
    r"|bestellung|bestellbestätigung|kontoauszug|kontokorrent|leistungsnachweis|stundennachweis|zahlungsavis"
    r"|arbeitszeugnis|(?:unsere\ )?allgemeinen?\ (?:geschäfts|liefer|zahlungs)\S*(?:\ .{0,40})?|agb"
    r"|datenschutzerklärung|widerrufsbelehrung|delivery\ note|packing\ (?:list|slip)|order\ confirmation"
    r"|purchase\ order|quotation|quote|statement(?:\ of\ account)?|payment\ reminder|reminder|remittance\ advice"
    r"|(?:general\ )?terms\ (?:and|&)\ conditions(?:\ .{0,40})?|time\ ?sheet|privacy\ (?:notice|policy)"
    r"|bon\ de\ livraison|bon\ de\ commande|devis|documento\ di\ trasporto"
)
# A heading has a line of its own; a number or a date may follow it.
_TAIL = r"(?:\ (?:nr|no|num(?:mer|ber)?|n°|\#)?[.:]*\ ?[^\s]*\d[^\s]*)?(?:\ (?:vom|of|from|du|del)\ .{6,20})?[.:]?"
_HEADING = re.compile(
    rf"^[^\S\n]*(?:ihre\ |your\ )?(?:{_INVOICE}){_TAIL}[^\S\n]*$", re.IGNORECASE | re.MULTILINE | re.VERBOSE
)
_OTHER_HEADING = re.compile(
    rf"^[^\S\n]*(?:{_OTHER}){_TAIL}[^\S\n]*$", re.IGNORECASE | re.MULTILINE | re.VERBOSE
)
_MENTION = re.compile(
    rf"(?<![^\W_])(?:{_INVOICE}|rechnungs?(?:-?n\w*|datum|betrag))(?![^\W\d_])", re.IGNORECASE | re.VERBOSE
)
_HEAD_CHARACTERS = 5_000  # the first page or two


def evidence_of_text(text: str, number_at: int | None) -> Evidence:
    """What the text of a document says; `number_at` is where a labelled invoice number begins, if it has one.

    Whichever heading comes first decides: an invoice names delivery notes, and a reminder names invoices.
    """
    head = text[:_HEAD_CHARACTERS]
    heading, other = _HEADING.search(head), _OTHER_HEADING.search(head)
    signs = [heading.start()] if heading else []
    if number_at is not None:
        signs.append(number_at)
    if other and all(other.start() < sign for sign in signs):
        return Evidence.SOMETHING_ELSE
    if signs:
        return Evidence.INVOICE
    return Evidence.MENTION if _MENTION.search(text) else Evidence.NONE


def says_invoice(words: str | None) -> bool:
    """Whether a file name or subject has an invoice word in it ("Rechnung_4711.pdf")."""
    return bool(words) and _MENTION.search(words or "") is not None
