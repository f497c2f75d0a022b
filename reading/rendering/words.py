"""The words around an invoice, in German and English."""

from __future__ import annotations

WORDS = {
    "mark": (
        "Visualisierung – maßgeblich ist das XML",
        "Visualisation – the XML is what counts",
    ),
    "invoice": ("Rechnung", "Invoice"),
    "process": ("Format und Prozess", "Format and process"),
    "position": ("Nr.", "No."),
    "item": ("Leistung", "Item"),
    "quantity": ("Menge", "Quantity"),
    "price": ("Preis", "Price"),
    "vat": ("USt.", "VAT"),
    "net": ("Netto", "Net"),
    "reason": ("Grund", "Reason"),
    "base": ("Grundbetrag", "Base"),
    "percent": ("Prozent", "Per cent"),
    "amount": ("Betrag", "Amount"),
    "category": ("Kategorie", "Category"),
    "rate": ("Satz", "Rate"),
    "tax": ("Steuer", "Tax"),
    "allowances-and-charges": ("Abzüge und Zuschläge", "Allowances and charges"),
    "more": ("Weitere Angaben", "More"),
    "rest": ("Weitere Inhalte des Dokuments", "Further content of the document"),
    "more-characters": ("weitere Zeichen", "more characters"),
    "more-values": ("weitere Werte", "more values"),
    "segments": ("Segmente der Nachricht", "Segments of the message"),
}
