"""Says codes of invoices in words: types, subjects of notes, categories, means of payment, units, countries."""

from __future__ import annotations

from babel import Locale

_TYPES = {  # UNTDID 1001
    "326": ("Teilrechnung", "Partial invoice"),
    "380": ("Rechnung", "Invoice"),
    "381": ("Gutschrift", "Credit note"),
    "383": ("Belastungsanzeige", "Debit note"),
    "384": ("Rechnungskorrektur", "Corrected invoice"),
    "386": ("Vorauszahlungsrechnung", "Prepayment invoice"),
    "389": ("Gutschrift des Käufers", "Self-billed invoice"),
    "875": ("Abschlagsrechnung am Bau", "Partial construction invoice"),
    "876": ("Teilschlussrechnung am Bau", "Partial final construction invoice"),
    "877": ("Schlussrechnung am Bau", "Final construction invoice"),
    "TD01": ("Rechnung", "Invoice"),
    "TD04": ("Gutschrift", "Credit note"),
}
_SUBJECTS = {  # UNTDID 4451
    "AAA": ("Beschreibung der Ware", "Description of goods"),
    "AAB": ("Zahlungsbedingungen", "Terms of payment"),
    "AAC": ("Gefahrgut", "Dangerous goods"),
    "AAI": ("Allgemeines", "General information"),
    "AAJ": ("Weitere Verkaufsbedingungen", "Additional conditions of sale"),
    "AAK": ("Preisbedingungen", "Price conditions"),
    "AAR": ("Lieferbedingungen", "Terms of delivery"),
    "AAY": ("Bescheinigung", "Certification"),
    "ABL": ("Behördliche Angaben", "Government information"),
    "ABN": ("Angaben zur Buchung", "Accounting information"),
    "ACB": ("Weitere Angaben", "Additional information"),
    "ADU": ("Anmerkung", "Note"),
    "BLU": ("Angaben zur Entsorgung", "Waste information"),
    "CUR": ("Bemerkung des Kunden", "Customer remarks"),
    "CUS": ("Angaben zum Zoll", "Customs declaration"),
    "DEL": ("Angaben zur Lieferung", "Delivery information"),
    "PMD": ("Einzelheiten zur Zahlung", "Payment details"),
    "PMT": ("Angaben zur Zahlung", "Payment information"),
    "PUR": ("Angaben zum Einkauf", "Purchasing information"),
    "REG": ("Pflichtangaben", "Regulatory information"),
    "SIN": ("Besondere Anweisungen", "Special instructions"),
    "SUR": ("Bemerkung des Lieferanten", "Supplier remarks"),
    "TXD": ("Angaben zur Steuer", "Tax declaration"),
}
_CATEGORIES = {  # UNTDID 5305
    "S": ("Regelsteuersatz", "Standard rate"),
    "Z": ("Nullsatz", "Zero rated"),
    "E": ("Steuerfrei", "Exempt"),
    "AE": ("Umkehr der Steuerschuld", "Reverse charge"),
    "K": ("Innergemeinschaftliche Lieferung", "Intra-community supply"),
    "G": ("Ausfuhr", "Export"),
    "O": ("Nicht steuerbar", "Not subject to VAT"),
    "L": ("IGIC (Kanarische Inseln)", "IGIC (Canary Islands)"),
    "M": ("IPSI (Ceuta, Melilla)", "IPSI (Ceuta, Melilla)"),
}
_MEANS = {  # UNTDID 4461
    "1": ("nicht festgelegt", "not defined"),
    "10": ("Bar", "Cash"),
    "20": ("Scheck", "Cheque"),
    "30": ("Überweisung", "Credit transfer"),
    "31": ("Überweisung (Soll)", "Debit transfer"),
    "42": ("Zahlung auf Bankkonto", "Payment to bank account"),
    "48": ("Karte", "Card"),
    "49": ("Lastschrift", "Direct debit"),
    "54": ("Kreditkarte", "Credit card"),
    "55": ("Debitkarte", "Debit card"),
    "57": ("Dauerauftrag", "Standing agreement"),
    "58": ("SEPA-Überweisung", "SEPA credit transfer"),
    "59": ("SEPA-Lastschrift", "SEPA direct debit"),
    "68": ("Online-Zahlung", "Online payment"),
    "97": ("Verrechnung", "Clearing between partners"),
    "ZZZ": ("wie vereinbart", "as agreed"),
}
_UNITS = {  # UN/ECE Recommendation 20
    "C62": ("Stück", "pcs"),
    "H87": ("Stück", "pcs"),
    "EA": ("Stück", "each"),
    "XPP": ("Stück", "pcs"),
    "LS": ("pauschal", "lump sum"),
    "SET": ("Satz", "set"),
    "PR": ("Paar", "pair"),
    "HUR": ("Stunden", "hours"),
    "MIN": ("Minuten", "minutes"),
    "DAY": ("Tage", "days"),
    "WEE": ("Wochen", "weeks"),
    "MON": ("Monate", "months"),
    "ANN": ("Jahre", "years"),
    "KGM": ("kg", "kg"),
    "GRM": ("g", "g"),
    "TNE": ("t", "t"),
    "LTR": ("l", "l"),
    "MTR": ("m", "m"),
    "CMT": ("cm", "cm"),
    "MMT": ("mm", "mm"),
    "KMT": ("km", "km"),
    "MTK": ("m²", "m²"),
    "MTQ": ("m³", "m³"),
    "KWH": ("kWh", "kWh"),
    "MWH": ("MWh", "MWh"),
    "P1": ("%", "%"),
    "XBX": ("Kisten", "boxes"),
    "XCT": ("Kartons", "cartons"),
}
_TABLES = {
    **dict.fromkeys(("BT-3",), _TYPES),
    **dict.fromkeys(("BT-21",), _SUBJECTS),
    **dict.fromkeys(("BT-118", "BT-151", "BT-95", "BT-102"), _CATEGORIES),
    **dict.fromkeys(("BT-81",), _MEANS),
}
COUNTRIES = ("BT-40", "BT-55", "BT-69", "BT-80", "BT-159")


def in_words(term: str, code: str, language: str) -> str | None:
    """What a code means; None where it is not known, or no code."""
    if term in COUNTRIES:
        return Locale(language).territories.get(code.upper())
    words = _TABLES.get(term, {}).get(code)
    return words[language != "de"] if words else None


def unit_in_words(code: str, language: str) -> str:
    """A unit, as its code where nothing better is known."""
    words = _UNITS.get(code)
    return words[language != "de"] if words else code
