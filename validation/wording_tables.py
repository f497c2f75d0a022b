"""Tables of sentences: rules that ask for a term, rules about codes, sums and VAT categories."""

from __future__ import annotations

# The rule, and the term that is missing; alternatives behind a bar.
MISSING = {
    "BR-01": "BT-24",
    "BR-02": "BT-1",
    "BR-03": "BT-2",
    "BR-04": "BT-3",
    "BR-05": "BT-5",
    "BR-06": "BT-27",
    "BR-07": "BT-44",
    "BR-08": "BG-5",
    "BR-09": "BT-40",
    "BR-10": "BG-8",
    "BR-11": "BT-55",
    "BR-12": "BT-106",
    "BR-13": "BT-109",
    "BR-14": "BT-112",
    "BR-15": "BT-115",
    "BR-16": "BG-25",
    "BR-17": "BT-59",
    "BR-18": "BT-62",
    "BR-19": "BG-12",
    "BR-20": "BT-69",
    "BR-21": "BT-126",
    "BR-22": "BT-129",
    "BR-23": "BT-130",
    "BR-24": "BT-131",
    "BR-25": "BT-153",
    "BR-26": "BT-146",
    "BR-31": "BT-92",
    "BR-32": "BT-95",
    "BR-33": "BT-97|BT-98",
    "BR-36": "BT-99",
    "BR-37": "BT-102",
    "BR-38": "BT-104|BT-105",
    "BR-41": "BT-136",
    "BR-42": "BT-139|BT-140",
    "BR-43": "BT-141",
    "BR-44": "BT-144|BT-145",
    "BR-45": "BT-116",
    "BR-46": "BT-117",
    "BR-47": "BT-118",
    "BR-48": "BT-119",
    "BR-49": "BT-81",
    "BR-50": "BT-84",
    "BR-52": "BT-122",
    "BR-53": "BT-111",
    "BR-54": "BT-160|BT-161",
    "BR-55": "BT-25",
    "BR-56": "BT-63",
    "BR-57": "BT-80",
    "BR-CO-04": "BT-151",
    "BR-CO-18": "BG-23",
    "BR-CO-19": "BT-73|BT-74",
    "BR-CO-20": "BT-134|BT-135",
    "BR-CO-21": "BT-97|BT-98",
    "BR-CO-22": "BT-104|BT-105",
    "BR-CO-23": "BT-139|BT-140",
    "BR-CO-24": "BT-144|BT-145",
    "BR-CO-25": "BT-9|BT-20",
    "BR-CO-26": "BT-29|BT-30|BT-31",
    "BR-DE-1": "BG-16",
    "BR-DE-2": "BG-6",
    "BR-DE-3": "BT-37",
    "BR-DE-4": "BT-38",
    "BR-DE-5": "BT-41",
    "BR-DE-6": "BT-42",
    "BR-DE-7": "BT-43",
    "BR-DE-8": "BT-52",
    "BR-DE-9": "BT-53",
    "BR-DE-10": "BT-77",
    "BR-DE-11": "BT-78",
    "BR-DE-14": "BT-119",
    "BR-DE-15": "BT-10",
    "BR-DE-16": "BT-31|BT-32|BG-11",
    "BR-DE-23-a": "BG-17",
    "BR-DE-24-a": "BG-18",
    "BR-DE-25-a": "BG-19",
    "BR-DE-26": "BG-3",
    "BR-DE-30": "BT-90",
    "BR-DE-31": "BT-91",
    "BR-DE-TMP-32": "BT-72|BG-14|BG-26",
    "BR-DE-CVD-01": "BT-12",
    "BR-DE-CVD-02": "BT-17",
    "PEPPOL-EN16931-R001": "BT-23",
    "PEPPOL-EN16931-R010": "BT-49",
    "PEPPOL-EN16931-R020": "BT-34",
    "PEPPOL-EN16931-R061": "BT-89",
}

CODE_LISTS = {
    "BR-CL-01": (("The type of invoice (BT-3)", "Die Art der Rechnung (BT-3)"), "UNTDID 1001"),
    "BR-CL-03": (("The currency of an amount", "Die Währung eines Betrags"), "ISO 4217"),
    "BR-CL-04": (("The currency (BT-5)", "Die Währung (BT-5)"), "ISO 4217"),
    "BR-CL-05": (("The currency of the VAT (BT-6)", "Die Währung der Umsatzsteuer (BT-6)"), "ISO 4217"),
    "BR-CL-06": (("The tax point event (BT-8)", "Das Ereignis der Steuerentstehung (BT-8)"), "UNTDID 2005"),
    "BR-CL-07": (("The scheme of an object identifier", "Das Schema einer Objektkennung"), "UNTDID 1153"),
    "BR-CL-08": (("The subject of a note (BT-21)", "Die Art einer Bemerkung (BT-21)"), "UNTDID 4451"),
    "BR-CL-10": (("The scheme of an identifier", "Das Schema einer Kennung"), "ISO 6523"),
    "BR-CL-11": (("The scheme of a legal registration", "Das Schema einer Registernummer"), "ISO 6523"),
    "BR-CL-13": (
        ("The scheme of an item classification (BT-158)", "Das Schema einer Klassifizierung (BT-158)"),
        "UNTDID 7143",
    ),
    "BR-CL-14": (("A country", "Ein Land"), "ISO 3166-1"),
    "BR-CL-15": (("The country of origin (BT-159)", "Das Ursprungsland (BT-159)"), "ISO 3166-1"),
    "BR-CL-16": (("The means of payment (BT-81)", "Die Zahlungsart (BT-81)"), "UNTDID 4461"),
    "BR-CL-17": (("A VAT category", "Eine Umsatzsteuerkategorie"), "UNTDID 5305"),
    "BR-CL-18": (("A VAT category", "Eine Umsatzsteuerkategorie"), "UNTDID 5305"),
    "BR-CL-19": (("The reason code of an allowance", "Der Code für den Grund eines Abzugs"), "UNTDID 5189"),
    "BR-CL-20": (("The reason code of a charge", "Der Code für den Grund eines Zuschlags"), "UNTDID 7161"),
    "BR-CL-21": (
        ("The scheme of a standard item number (BT-157)", "Das Schema einer Standard-Artikelnummer (BT-157)"),
        "ISO 6523",
    ),
    "BR-CL-22": (
        (
            "The code of an exemption reason (BT-121)",
            "Der Code für den Grund einer Steuerbefreiung (BT-121)",
        ),
        "VATEX",
    ),
    "BR-CL-23": (("The unit of a quantity", "Die Einheit einer Menge"), "UN/ECE Rec 20 and 21"),
    "BR-CL-24": (
        ("The kind of an attached file (BT-125)", "Die Art einer angehängten Datei (BT-125)"),
        "MIME",
    ),
    "BR-CL-25": (("The scheme of an electronic address", "Das Schema einer elektronischen Adresse"), "EAS"),
    "BR-CL-26": (
        ("The scheme of a delivery location (BT-71)", "Das Schema eines Lieferorts (BT-71)"),
        "ISO 6523",
    ),
}

# English, German, and which sentences of FAMILIES are meant.
CATEGORIES = {
    "S": ("standard rated", "Regelsteuersatz", "taxed"),
    "Z": ("zero rated", "Nullsatz", "untaxed"),
    "E": ("exempt from VAT", "steuerfrei", "exempt"),
    "AE": ("reverse charge", "Umkehr der Steuerschuld", "exempt"),
    "IC": ("intra-community supply", "innergemeinschaftliche Lieferung", "exempt"),
    "G": ("export outside the EU", "Ausfuhr", "exempt"),
    "O": ("not subject to VAT", "nicht steuerbar", "outside"),
    "AF": ("IGIC of the Canary Islands", "IGIC der Kanarischen Inseln", "taxed"),
    "AG": ("IPSI of Ceuta and Melilla", "IPSI von Ceuta und Melilla", "taxed"),
}

_IDENTIFIERS = (
    "A VAT identifier or tax number that the category “{category}” asks for is missing, or one is there too many.",
    "Bei der Kategorie „{category}“ fehlt eine USt-IdNr. oder Steuernummer, oder es steht eine da, die nicht darf.",
)
_RATE_ABOVE = (
    "The VAT rate of the category “{category}” is missing or wrong.",
    "Der Steuersatz der Kategorie „{category}“ fehlt oder ist falsch.",
)
_RATE_ZERO = (
    "The VAT rate of the category “{category}” must be 0.",
    "Der Steuersatz der Kategorie „{category}“ muss 0 sein.",
)
_NO_RATE = (
    "The category “{category}” may have no VAT rate.",
    "Die Kategorie „{category}“ darf keinen Steuersatz haben.",
)
_ALONE = (
    "Beside the category “{category}” there may be no other VAT category.",
    "Neben der Kategorie „{category}“ darf es keine andere Umsatzsteuerkategorie geben.",
)
_TAX_ZERO = (
    "The tax amount (BT-117) of the category “{category}” must be 0.",
    "Der Steuerbetrag (BT-117) der Kategorie „{category}“ muss 0 sein.",
)
_REASON_MISSING = (
    "The reason of the exemption (BT-120 or BT-121) is missing for the category “{category}”.",
    "Bei der Kategorie „{category}“ fehlt der Grund der Steuerbefreiung (BT-120 oder BT-121).",
)
_REASON_TOO_MUCH = (
    "The category “{category}” may have no reason of exemption (BT-120, BT-121).",
    "Die Kategorie „{category}“ darf keinen Grund der Steuerbefreiung haben (BT-120, BT-121).",
)
FAMILIES = {
    ("any", 1): (
        "The VAT breakdown (BG-23) does not fit the lines, allowances and charges of the category “{category}”.",
        (
            "Die Aufschlüsselung der Umsatzsteuer (BG-23) passt nicht zu Positionen, Abzügen und Zuschlägen der "
            "Kategorie „{category}“."
        ),
    ),
    **{("any", number): _IDENTIFIERS for number in (2, 3, 4)},
    ("any", 8): (
        "The taxable amount (BT-116) of the category “{category}” is not the sum of its lines, allowances and charges.",
        (
            "Die Bemessungsgrundlage (BT-116) der Kategorie „{category}“ ist nicht die Summe ihrer Positionen, Abzüge "
            "und Zuschläge."
        ),
    ),
    **{("taxed", number): _RATE_ABOVE for number in (5, 6, 7)},
    **{("untaxed", number): _RATE_ZERO for number in (5, 6, 7)},
    **{("exempt", number): _RATE_ZERO for number in (5, 6, 7)},
    **{("outside", number): _NO_RATE for number in (5, 6, 7)},
    ("taxed", 9): (
        "The tax amount (BT-117) of the category “{category}” is not its taxable amount times its rate.",
        "Der Steuerbetrag (BT-117) der Kategorie „{category}“ ist nicht Bemessungsgrundlage mal Steuersatz.",
    ),
    **{(kind, 9): _TAX_ZERO for kind in ("untaxed", "exempt", "outside")},
    **{(kind, 10): _REASON_TOO_MUCH for kind in ("taxed", "untaxed")},
    **{(kind, 10): _REASON_MISSING for kind in ("exempt", "outside")},
    ("exempt", 11): (
        "The category “{category}” needs a delivery date (BT-72) or an invoicing period (BG-14).",
        "Die Kategorie „{category}“ braucht ein Lieferdatum (BT-72) oder einen Abrechnungszeitraum (BG-14).",
    ),
    ("exempt", 12): (
        "The category “{category}” needs the country that is delivered to (BT-80).",
        "Die Kategorie „{category}“ braucht das Land der Lieferung (BT-80).",
    ),
    **{("outside", number): _ALONE for number in (11, 12, 13, 14)},
}

_ALIKE = (
    "The reason and its code tell of different things.",
    "Der Grund und sein Code sagen Verschiedenes.",
)
_SCHEME = "The identifier {0} has no scheme.", "Die Kennung {0} hat kein Schema."
_ONLY_ONE_WAY = (
    "Beside the means of payment (BT-81) stand details of another one.",
    "Neben der Zahlungsart (BT-81) stehen Angaben zu einer anderen.",
)
OWN_SENTENCES = {
    "BR-27": ("The net price (BT-146) is negative.", "Der Nettopreis (BT-146) ist negativ."),
    "BR-28": ("The gross price (BT-148) is negative.", "Der Bruttopreis (BT-148) ist negativ."),
    "BR-29": (
        "The invoicing period (BG-14) ends before it begins.",
        "Der Abrechnungszeitraum (BG-14) endet, bevor er beginnt.",
    ),
    "BR-30": (
        "The period of a line (BG-26) ends before it begins.",
        "Der Zeitraum einer Position (BG-26) endet, bevor er beginnt.",
    ),
    "BR-51": (
        "A full card number (BT-87) does not belong on an invoice.",
        "Eine vollständige Kartennummer (BT-87) gehört nicht auf eine Rechnung.",
    ),
    "BR-61": (
        "A credit transfer needs the account to pay to (BT-84).",
        "Eine Überweisung braucht das Konto, auf das zu zahlen ist (BT-84).",
    ),
    **{
        rule: (_SCHEME[0].format(term), _SCHEME[1].format(term))
        for rule, term in (("BR-62", "BT-34"), ("BR-63", "BT-49"), ("BR-64", "BT-157"), ("BR-65", "BT-158"))
    },
    "BR-CO-03": (
        "Tax point date (BT-7) and tax point event (BT-8) exclude each other.",
        "Tag (BT-7) und Ereignis (BT-8) der Steuerentstehung schließen einander aus.",
    ),
    **{f"BR-CO-0{number}": _ALIKE for number in (5, 6, 7, 8)},
    "BR-CO-09": (
        "A VAT identifier (BT-31, BT-48, BT-63) does not begin with the code of a country.",
        "Eine USt-IdNr. (BT-31, BT-48, BT-63) beginnt nicht mit dem Kürzel eines Landes.",
    ),
    "BR-CO-10": (
        "The sum of the lines (BT-106) is not the sum of their net amounts (BT-131).",
        "Die Summe der Positionen (BT-106) ist nicht die Summe ihrer Nettobeträge (BT-131).",
    ),
    "BR-CO-11": (
        "The sum of allowances (BT-107) is not the sum of the allowances (BT-92).",
        "Die Summe der Abzüge (BT-107) ist nicht die Summe der einzelnen Abzüge (BT-92).",
    ),
    "BR-CO-12": (
        "The sum of charges (BT-108) is not the sum of the charges (BT-99).",
        "Die Summe der Zuschläge (BT-108) ist nicht die Summe der einzelnen Zuschläge (BT-99).",
    ),
    "BR-CO-13": (
        "The total without VAT (BT-109) is not the lines less allowances plus charges.",
        "Der Gesamtbetrag ohne Umsatzsteuer (BT-109) ist nicht Positionen minus Abzüge plus Zuschläge.",
    ),
    "BR-CO-14": (
        "The total VAT (BT-110) is not the sum of the VAT breakdown (BT-117).",
        "Die Umsatzsteuer (BT-110) ist nicht die Summe ihrer Aufschlüsselung (BT-117).",
    ),
    "BR-CO-15": (
        "The total with VAT (BT-112) is not the total without VAT (BT-109) plus the VAT (BT-110).",
        "Der Gesamtbetrag mit Umsatzsteuer (BT-112) ist nicht der ohne (BT-109) plus die Umsatzsteuer (BT-110).",
    ),
    "BR-CO-16": (
        "The amount due (BT-115) is not the total (BT-112) less what is paid (BT-113) plus rounding (BT-114).",
        "Der Zahlbetrag (BT-115) ist nicht der Gesamtbetrag (BT-112) minus Gezahltes (BT-113) plus Rundung (BT-114).",
    ),
    "BR-CO-17": (
        "The tax amount (BT-117) is not the taxable amount (BT-116) times the rate (BT-119).",
        "Der Steuerbetrag (BT-117) ist nicht Bemessungsgrundlage (BT-116) mal Steuersatz (BT-119).",
    ),
    "BR-DE-17": (
        "The type of invoice (BT-3) is none that XRechnung uses.",
        "Die Art der Rechnung (BT-3) ist keine, die XRechnung verwendet.",
    ),
    "BR-DE-18": (
        "Cash discount in the payment terms (BT-20) is not written as XRechnung asks (#SKONTO#TAGE=...#).",
        "Skonto steht in den Zahlungsbedingungen (BT-20) nicht so, wie XRechnung es verlangt (#SKONTO#TAGE=...#).",
    ),
    "BR-DE-19": (
        "The account to pay to (BT-84) is no correct IBAN.",
        "Das Zahlungskonto (BT-84) ist keine gültige IBAN.",
    ),
    "BR-DE-20": (
        "The debited account (BT-91) is no correct IBAN.",
        "Das belastete Konto (BT-91) ist keine gültige IBAN.",
    ),
    "BR-DE-21": (
        "The specification identifier (BT-24) is not that of XRechnung.",
        "Die Kennung der Spezifikation (BT-24) ist nicht die von XRechnung.",
    ),
    "BR-DE-22": (
        "Two attached files (BT-125) have the same name.",
        "Zwei angehängte Dateien (BT-125) heißen gleich.",
    ),
    "BR-DE-27": (
        "The seller's telephone number (BT-42) has fewer than three digits.",
        "Die Telefonnummer des Verkäufers (BT-42) hat weniger als drei Ziffern.",
    ),
    "BR-DE-28": (
        "The seller's e-mail address (BT-43) is none.",
        "Die E-Mail-Adresse des Verkäufers (BT-43) ist keine.",
    ),
    **{f"BR-DE-{number}-b": _ONLY_ONE_WAY for number in (23, 24, 25)},
    "BR-TMP-2": (
        "The location of a supporting document (BT-124) is no absolute URL.",
        "Der Ablageort einer Unterlage (BT-124) ist keine vollständige URL.",
    ),
    "BR-TMP-6": (
        "A date is not written as YYYY-MM-DD.",
        "Ein Datum ist nicht als JJJJ-MM-TT geschrieben.",
    ),
    "PEPPOL-EN16931-R005": (
        "The currency of the VAT (BT-6) is the same as that of the invoice (BT-5), and so may not be given.",
        "Die Währung der Umsatzsteuer (BT-6) ist dieselbe wie die der Rechnung (BT-5) und darf dann nicht dastehen.",
    ),
    "PEPPOL-EN16931-R008": ("The XML has an element that is empty.", "Das XML hat ein leeres Element."),
    "PEPPOL-EN16931-R040": (
        "An allowance or charge is not its base amount times its percentage.",
        "Ein Abzug oder Zuschlag ist nicht Grundbetrag mal Prozentsatz.",
    ),
    "PEPPOL-EN16931-R041": (
        "An allowance or charge has a percentage but no base amount.",
        "Ein Abzug oder Zuschlag hat einen Prozentsatz, aber keinen Grundbetrag.",
    ),
    "PEPPOL-EN16931-R042": (
        "An allowance or charge has a base amount but no percentage.",
        "Ein Abzug oder Zuschlag hat einen Grundbetrag, aber keinen Prozentsatz.",
    ),
    "PEPPOL-EN16931-R043": (
        "It is not said whether something is an allowance or a charge.",
        "Es steht nicht da, ob etwas ein Abzug oder ein Zuschlag ist.",
    ),
    "PEPPOL-EN16931-R044": (
        "A price may have a discount, but no charge.",
        "Ein Preis darf einen Rabatt haben, aber keinen Zuschlag.",
    ),
    "PEPPOL-EN16931-R046": (
        "The net price (BT-146) is not the gross price (BT-148) less the discount (BT-147).",
        "Der Nettopreis (BT-146) ist nicht der Bruttopreis (BT-148) minus Rabatt (BT-147).",
    ),
    "PEPPOL-EN16931-R053": (
        "The VAT breakdown (BG-23) may be given once only.",
        "Die Aufschlüsselung der Umsatzsteuer (BG-23) darf nur einmal dastehen.",
    ),
    "PEPPOL-EN16931-R054": (
        "The VAT in accounting currency (BT-111) must be given once, and without a breakdown.",
        "Die Umsatzsteuer in Buchungswährung (BT-111) muss genau einmal und ohne Aufschlüsselung dastehen.",
    ),
    "PEPPOL-EN16931-R055": (
        "The VAT in both currencies (BT-110, BT-111) has different signs.",
        "Die Umsatzsteuer hat in den beiden Währungen (BT-110, BT-111) verschiedene Vorzeichen.",
    ),
    "PEPPOL-EN16931-R101": (
        "A line may refer to nothing but its object (BT-128).",
        "Eine Position darf nur auf ihr Objekt verweisen (BT-128).",
    ),
    "PEPPOL-EN16931-R110": (
        "The period of a line begins outside the invoicing period (BG-14).",
        "Der Zeitraum einer Position beginnt außerhalb des Abrechnungszeitraums (BG-14).",
    ),
    "PEPPOL-EN16931-R111": (
        "The period of a line ends outside the invoicing period (BG-14).",
        "Der Zeitraum einer Position endet außerhalb des Abrechnungszeitraums (BG-14).",
    ),
    "PEPPOL-EN16931-R120": (
        "The net amount of a line (BT-131) is not quantity times price with its allowances and charges.",
        "Der Nettobetrag einer Position (BT-131) ist nicht Menge mal Preis mit ihren Abzügen und Zuschlägen.",
    ),
    "PEPPOL-EN16931-R121": (
        "The quantity that a price is for (BT-149) is not above zero.",
        "Die Menge, für die ein Preis gilt (BT-149), ist nicht größer als null.",
    ),
    "PEPPOL-EN16931-R130": (
        "The unit of the price (BT-150) is not that of the quantity (BT-130).",
        "Die Einheit des Preises (BT-150) ist nicht die der Menge (BT-130).",
    ),
}
