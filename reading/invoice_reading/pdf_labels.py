"""The labels by which invoices for people name their terms, as patterns; German and English first."""

from __future__ import annotations

import re

_FLAGS = re.IGNORECASE | re.MULTILINE | re.VERBOSE

# A label opens its line or column. After a word it may speak of another document: "zur Rechnung Nr. 4711".
# Columns are two blanks apart, see pdf_pages.py; nothing here repeats without bound over blanks or digits.
_COLUMN = r"(?:^[^\S\n]*|[^\S\n]{2}|[\d:;|][^\S\n])"
_GAP = r"[^\S\n]{0,2}[:#]?[^\S\n]{0,2}"

_NUMBER_LABELS = r"""
      rechnungs?-?\ ?(?:nummer|nr\.?|no\.?|\#) | re-?nr\.? | gutschrifts?-?\ ?(?:nummer|nr\.?)
    | invoice\ ?(?:number|num\.?|no\.?|nr\.?|id|\#) | credit\ (?:note|memo)\ (?:number|no\.?|\#)
    | facture\ n[°o]\.?(?:\ ?:)? | n[°o]\.?\ (?:de\ )?facture | num[ée]ro\ de\ (?:la\ )?facture | avoir\ n[°o]\.?
    | fattura\ (?:n[°.r]|num\.|numero)\.? | numero\ (?:di\ )?fattura | n[°.]\ fattura | nota\ di\ credito\ n[°.]
    | factuur-?(?:nummer|nr\.?) | creditnota(?:nummer|nr\.?)
    | (?:n[°º.]|n[úu]mero|n[úu]m\.?)\ (?:de\ )?(?:la\ )?factura | factura\ (?:n[°º.]|n[úu]m(?:ero|\.)?)\.?
"""
_NUMBER_VALUE = r"(?P<value>[A-Z0-9][A-Z0-9/_.\-]{0,60}[A-Z0-9]|\d)"
# What may follow a number on its line: the next column, or a word that surely starts something new.
_NUMBER_END = r"""
    (?=[.,;]?(?:[^\S\n]*$|[^\S\n]{2}
       |[^\S\n](?:vom|von|dated?|issued|datum|du|del|of|from|rechnungsdatum|kunden|customer|invoice|seite|page|liefer
                 |leistungs|due|order)))
"""
NUMBER = re.compile(rf"{_COLUMN}(?P<label>{_NUMBER_LABELS}){_GAP}{_NUMBER_VALUE}{_NUMBER_END}", _FLAGS)
"""An invoice number (BT-1) in the group `value`, its label in `label`."""

_DATE_VALUE_BARE = r"\d{2}\.\d{2}\.\d{4}"
WEAK_NUMBER = re.compile(
    rf"""^[^\S\n]*(?P<label>(?:tax\ |sales\ )?\w{{0,20}}
    (?:invoice|rechnung|korrektur|gutschrift|facture|avoir|fattura|factura|factuur))
    (?:\ \(\d{{3}}\))?(?:[^\S\n]{{1,2}}{_DATE_VALUE_BARE})?[^\S\n]{{1,2}}(?:nr\.?|no\.?|n°|[:\#])?[^\S\n]{{0,2}}
    (?P<value>(?=[A-Z0-9/_.\-]{{0,30}}\d)[A-Z0-9][A-Z0-9/_.\-]{{2,40}}[A-Z0-9])(?:[^\S\n]{{1,2}}vom)?[^\S\n]*$""",
    _FLAGS,
)
"""What stands alone behind the heading of an invoice, in the group `value`."""

REFERENCE = re.compile(
    r"""\b(?:zu|zur|der|die|ihre[rnms]?|unsere[rnms]?|diese[rnms]?|auf|mit|für|von|to|of|for|your|our|the|this
         |original|de|votre)\s*$""",
    _FLAGS & ~re.MULTILINE,
)
"""Words before a label that make it one of another document."""

_DATE_VALUE = r"""
    (?P<value>\d{1,4}[./\-]\d{1,2}[./\-]\d{2,4}
       |\d{1,2}(?:\.|st|nd|rd|th)?\ [a-zäéû]{3,9}\.?,?\ \d{4}
       |[a-zäéû]{3,9}\.?\ \d{1,2}(?:st|nd|rd|th)?,?\ \d{4})
    (?![\w/])
"""
ISSUE_DATE = re.compile(
    rf"""{_COLUMN}(?:
          rechnungs-?datum | datum\ der\ rechnung | gutschriftsdatum | ausstellungsdatum
        | invoice\ date | date\ of\ (?:invoice|issue) | issue\ date | date\ de\ (?:la\ )?facture | date\ d['’]émission
        | date\ facture | factuurdatum | data\ (?:della\ )?fattura | data\ (?:di\ )?emissione
        | fecha\ (?:de\ )?(?:la\ )?(?:factura|emisi[óo]n|expedici[óo]n)
        | (?:{_NUMBER_LABELS}){_GAP}\S{{1,60}}[^\S\n](?:vom|von|dated|issued\ (?:at|on)|du|del)
        | \w{{0,20}}rechnung\ \(\d{{3}}\)
    ){_GAP}{_DATE_VALUE}""",
    _FLAGS,
)
"""An issue date (BT-2) in the group `value`."""

WEAK_DATE = re.compile(
    rf"{_COLUMN}(?:date|datum|data|fecha)[^\S\n]?:[^\S\n]{{0,2}}\n?[^\S\n]{{0,2}}{_DATE_VALUE}", _FLAGS
)
"""A date with no other word to it, in the group `value`: that of the document, if nothing better is there."""

DAY_FIRST = re.compile(r"\b(?:rechnung|facture|fattura|factura|factuur|avoir|gutschrift)", re.IGNORECASE)
"""Words of languages in which 03/04 is the third of April."""

DUE_DATE = re.compile(
    rf"""{_COLUMN}(?:
          fälligkeitsdatum | fälligkeit | fällig\ (?:am|bis) | zahlbar\ bis(?:\ zum)?
        | due\ date | payment\ due(?:\ date)? | date\ d['’]échéance | date\ limite\ de\ paiement(?:\ le)? | échéance
        | data\ (?:di\ )?scadenza | scadenza | fecha\ de\ vencimiento | vencimiento | vervaldatum
    ){_GAP}{_DATE_VALUE}""",
    _FLAGS,
)
"""A due date (BT-9) in the group `value`."""

_FIGURES = r"""-?\d{1,3}(?:[.,'’\ \u00a0\u202f]\d{3}){1,4}[.,]\d{2}|-?\d{1,12}[.,]\d{2}"""
# An amount without cents counts only with its currency.
_AMOUNT_VALUE = rf"""
    (?:
      (?:[A-Z]{{3}}|[€£$])?[^\S\n]{{0,2}}(?P<value>{_FIGURES})
    )
    (?!\d|[.,]\d)
"""
_WHOLE_AMOUNT = r"(?:(?:[A-Z]{3}|[€£$]|Rs\.?)[^\S\n]{1,2}(?P<whole>-?\d{1,9})(?![\d.,]))"
_TOTAL_LABELS = r"""
          rechnungsbetrag | gesamtbetrag | summe\ inkl\.?\ (?:ust|mwst)\.? | gesamtsumme | bruttobetrag | rechnungssumme
        | invoice\ (?:total|amount) | grand\ total | total\ (?:amount\ )?incl(?:uding|\.)?\ (?:vat|tax)
        | (?:montant\ )?total\ (?:ttc|t\.t\.c\.) | montant\ ttc | totale\ (?:fattura|documento)
        | (?:importe\ )?total\ factura | total\ con\ iva | totaal\ incl(?:usief|\.)?\ btw
"""
_GROSS = r"(?:\ (?:brutto|\(brutto\)|gross|inkl\.?\ (?:mwst|ust)\.?|incl\.?\ vat))?(?:\ in)?"
TOTAL_WITH_VAT = re.compile(
    rf"{_COLUMN}(?:{_TOTAL_LABELS}){_GROSS}{_GAP}(?:{_AMOUNT_VALUE}|{_WHOLE_AMOUNT})", _FLAGS
)
"""The total with VAT (BT-112) in the group `value`, or `whole`; "netto" after the label keeps it from matching."""

TOTAL_WITHOUT_VAT = re.compile(
    rf"""{_COLUMN}(?:
          nettobetrag | gesamtbetrag\ netto | summe\ netto | zwischensumme\ netto | gesamt\ netto | netto-?summe
        | net\ total | total\ net | total\ (?:amount\ )?excl(?:uding|\.)?\ (?:vat|tax)
        | (?:montant\ )?total\ (?:ht|h\.t\.) | montant\ ht | totale\ imponibile | base\ imponible
        | exclusief\ btw | totaal\ excl(?:usief|\.)?\ btw
    )(?:\ in)?{_GAP}{_AMOUNT_VALUE}""",
    _FLAGS,
)
"""The total without VAT (BT-109) in the group `value`."""

WITH_TAXES = re.compile(rf"(?P<value>{_FIGURES})[^\S\n]{{0,2}}(?:€|EUR)[^\S\n]{{0,2}}TTC\b", re.VERBOSE)
"""An amount that is said to have all taxes in it (BT-112), in the group `value`."""

_MONEY_CELL = r"(?:(?:[A-Z]{3}|[€£$])[^\S\n]{0,2})?"
_SUM_GAP = r"(?:[^\S\n]{0,2}(?:€|EUR|£|\$))?[^\S\n]{1,3}"
SUM_LINE = re.compile(
    rf"""^[^\S\n]*(?:total\w*|gesamt\w*|summe|importo\ totale)(?:\ (?:facture|fattura|factura|invoice|rechnung))?
    {_GAP}{_MONEY_CELL}(?P<net>{_FIGURES}){_SUM_GAP}{_MONEY_CELL}(?P<vat>{_FIGURES}){_SUM_GAP}
    {_MONEY_CELL}(?P<value>{_FIGURES})(?![\d.,])""",
    _FLAGS,
)
"""The last line of a table with net (BT-109), VAT (BT-110) and their sum (BT-112)."""

WEAK_TOTAL = re.compile(
    rf"""{_COLUMN}(?:total|totale|totaal|gesamt|summe|endbetrag|endsumme|importe\ total)(?:\ in)?
    {_GAP}{_AMOUNT_VALUE}[^\S\n]*(?:€|EUR)?[^\S\n]*$""",
    _FLAGS,
)
"""A total that may be any, alone at the end of its line, in the group `value`."""

ANY_AMOUNT = re.compile(rf"(?<![\d.,])(?P<value>{_FIGURES})(?![\d.,])", re.VERBOSE)
"""Anything written as an amount, in the group `value`."""

AMOUNT_DUE = re.compile(
    rf"""{_COLUMN}(?:
          zahlbetrag | zu\ zahlen(?:der\ betrag)? | offener\ betrag
        | (?:total\ )?amount\ due | balance\ due | total\ due | amount\ payable | net\ à\ payer
        | somme\ à\ payer | totale\ da\ pagare | netto\ a\ pagare | total\ a\ pagar | te\ betalen
    )(?:\ in)?{_GAP}{_AMOUNT_VALUE}""",
    _FLAGS,
)
"""The amount due (BT-115) in the group `value`."""

MONEY = re.compile(
    r"""
      (?P<before>\b[A-Z]{3}|[€£])[^\S\n]{0,2}\d[\d.,'’]{0,20}[.,]\d{2}\b
    | (?<![\d.,€£])\d[\d.,'’]{0,20}[.,]\d{2}[^\S\n]{0,2}(?P<after>[A-Z]{3}\b|[€£])
    """,
    re.VERBOSE,
)
"""An amount with a currency code or sign in the group `before` or `after`."""

VAT_ID = re.compile(
    r"""
    \b(?P<whose>ihre|unsere|your|our|kunden|customer)[\ -]?
    (?:ust\.?-?\ ?id(?:-?\ ?nr|entnr|-nummer)? | umsatzsteuer-?id(?:-?\ ?nr|entifikationsnummer)?
      | vat\ ?(?:id|no|number|reg(?:istration)?\ ?(?:no|number)?)?)
    \.?:?[^\S\n]{0,2}(?P<value>[A-Z]{2}[A-Z0-9]{8,12})\b
    """,
    _FLAGS,
)
"""A VAT identifier in the group `value`, and `whose` it is said to be."""

IBAN = re.compile(r"\bIBAN[^A-Z0-9\n]{0,5}(?P<value>[A-Z]{2}\d{2}[A-Z0-9 \u00a0]{11,40})")
"""An account after the word IBAN; what follows it on the line may be part of the group `value`."""

DIRECT_DEBIT = re.compile(
    r"lastschrift|abgebucht|einzug|eingezogen|direct\ debit|prélèvement", re.IGNORECASE | re.VERBOSE
)
"""Words that say that the money is taken from the buyer's account."""
