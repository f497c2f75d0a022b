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
    | facture\ n[°o]\.? | num[ée]ro\ de\ facture | fattura\ n[°.] | factuurnummer
"""
_NUMBER_VALUE = r"(?P<value>[A-Z0-9][A-Z0-9/_.\-]{0,60}[A-Z0-9]|\d)"
# What may follow a number on its line: the next column, or a word that surely starts something new.
_NUMBER_END = r"""
    (?=[.,;]?(?:[^\S\n]*$|[^\S\n]{2}
       |[^\S\n](?:vom|dated?|datum|du|del|of|from|rechnungsdatum|kunden|customer|invoice|seite|page|liefer
                 |leistungs|due|order)))
"""
NUMBER = re.compile(rf"{_COLUMN}(?P<label>{_NUMBER_LABELS}){_GAP}{_NUMBER_VALUE}{_NUMBER_END}", _FLAGS)
"""An invoice number (BT-1) in the group `value`, its label in `label`."""

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
        | invoice\ date | date\ of\ (?:invoice|issue) | issue\ date | date\ de\ (?:la\ )?facture
        | (?:{_NUMBER_LABELS}){_GAP}\S{{1,60}}[^\S\n](?:vom|dated|du)
    ){_GAP}{_DATE_VALUE}""",
    _FLAGS,
)
"""An issue date (BT-2) in the group `value`."""

DUE_DATE = re.compile(
    rf"""{_COLUMN}(?:
          fälligkeitsdatum | fälligkeit | fällig\ (?:am|bis) | zahlbar\ bis(?:\ zum)?
        | due\ date | payment\ due(?:\ date)? | date\ d['’]échéance
    ){_GAP}{_DATE_VALUE}""",
    _FLAGS,
)
"""A due date (BT-9) in the group `value`."""

_AMOUNT_VALUE = r"""
    (?:[A-Z]{3}|[€£])?[^\S\n]{0,2}
    (?P<value>-?\d{1,3}(?:[.,'’]\d{3}){0,4}[.,]\d{2}|-?\d{1,12}[.,]\d{2})
    (?!\d|[.,]\d)
"""
TOTAL_WITH_VAT = re.compile(
    rf"""{_COLUMN}(?:
          rechnungsbetrag | gesamtbetrag | gesamtsumme | bruttobetrag | rechnungssumme
        | invoice\ (?:total|amount) | grand\ total | total\ (?:amount\ )?incl(?:uding|\.)?\ (?:vat|tax) | total\ ttc
    )
    (?:\ (?:brutto|\(brutto\)|gross|inkl\.?\ (?:mwst|ust)\.?|incl\.?\ vat))?(?:\ in)?{_GAP}{_AMOUNT_VALUE}""",
    _FLAGS,
)
"""The total with VAT (BT-112) in the group `value`; "netto" after the label keeps it from matching."""

AMOUNT_DUE = re.compile(
    rf"""{_COLUMN}(?:
          zahlbetrag | zu\ zahlen(?:der\ betrag)? | offener\ betrag
        | (?:total\ )?amount\ due | balance\ due | total\ due | amount\ payable | net\ à\ payer
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
