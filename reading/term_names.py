"""What the terms of EN 16931 are called in German and English, by their numbers."""

from __future__ import annotations

_NAMES = """
BT-1|Rechnungsnummer|Invoice number
BT-2|Rechnungsdatum|Invoice date
BT-3|Art der Rechnung|Type of invoice
BT-5|Währung|Currency
BT-6|Währung der Umsatzsteuer|Currency of the VAT
BT-7|Tag der Steuerentstehung|Tax point date
BT-8|Ereignis der Steuerentstehung|Tax point event
BT-9|Fällig am|Due date
BT-10|Käuferreferenz (Leitweg-ID)|Buyer reference
BT-11|Projektnummer|Project reference
BT-12|Vertragsnummer|Contract reference
BT-13|Bestellnummer|Purchase order reference
BT-14|Auftragsnummer des Verkäufers|Sales order reference
BT-15|Wareneingang|Receiving advice
BT-16|Lieferschein|Despatch advice
BT-17|Vergabenummer oder Los|Tender or lot
BT-18|Objektkennung|Invoiced object
BT-19|Kontierung beim Käufer|Buyer accounting reference
BT-20|Zahlungsbedingungen|Payment terms
BT-21|Art der Bemerkung|Subject of the note
BT-22|Bemerkung|Note
BT-23|Geschäftsprozess|Business process
BT-24|Kennung der Spezifikation|Specification identifier
BT-25|Vorausgegangene Rechnung|Preceding invoice
BT-26|Datum der vorausgegangenen Rechnung|Date of the preceding invoice
BT-27|Name des Verkäufers|Seller name
BT-28|Handelsname des Verkäufers|Seller trading name
BT-29|Kennung des Verkäufers|Seller identifier
BT-30|Registernummer des Verkäufers|Seller legal registration
BT-31|USt-IdNr. des Verkäufers|Seller VAT identifier
BT-32|Steuernummer des Verkäufers|Seller tax number
BT-33|Rechtliche Angaben des Verkäufers|Seller legal information
BT-34|Elektronische Adresse des Verkäufers|Seller electronic address
BT-35|Straße des Verkäufers|Seller street
BT-36|Adresszusatz des Verkäufers|Seller address line 2
BT-37|Ort des Verkäufers|Seller city
BT-38|Postleitzahl des Verkäufers|Seller post code
BT-39|Region des Verkäufers|Seller region
BT-40|Land des Verkäufers|Seller country
BT-41|Ansprechpartner des Verkäufers|Seller contact
BT-42|Telefon des Verkäufers|Seller telephone
BT-43|E-Mail des Verkäufers|Seller e-mail
BT-44|Name des Käufers|Buyer name
BT-45|Handelsname des Käufers|Buyer trading name
BT-46|Kennung des Käufers|Buyer identifier
BT-47|Registernummer des Käufers|Buyer legal registration
BT-48|USt-IdNr. des Käufers|Buyer VAT identifier
BT-49|Elektronische Adresse des Käufers|Buyer electronic address
BT-50|Straße des Käufers|Buyer street
BT-51|Adresszusatz des Käufers|Buyer address line 2
BT-52|Ort des Käufers|Buyer city
BT-53|Postleitzahl des Käufers|Buyer post code
BT-54|Region des Käufers|Buyer region
BT-55|Land des Käufers|Buyer country
BT-56|Ansprechpartner des Käufers|Buyer contact
BT-57|Telefon des Käufers|Buyer telephone
BT-58|E-Mail des Käufers|Buyer e-mail
BT-59|Name des Zahlungsempfängers|Payee name
BT-60|Kennung des Zahlungsempfängers|Payee identifier
BT-61|Registernummer des Zahlungsempfängers|Payee legal registration
BT-62|Name des Steuervertreters|Tax representative name
BT-63|USt-IdNr. des Steuervertreters|Tax representative VAT identifier
BT-64|Straße des Steuervertreters|Tax representative street
BT-65|Adresszusatz des Steuervertreters|Tax representative address line 2
BT-66|Ort des Steuervertreters|Tax representative city
BT-67|Postleitzahl des Steuervertreters|Tax representative post code
BT-68|Region des Steuervertreters|Tax representative region
BT-69|Land des Steuervertreters|Tax representative country
BT-70|Name des Warenempfängers|Deliver to name
BT-71|Kennung des Lieferorts|Deliver to location identifier
BT-72|Lieferdatum|Delivery date
BT-73|Beginn des Abrechnungszeitraums|Start of the invoicing period
BT-74|Ende des Abrechnungszeitraums|End of the invoicing period
BT-75|Straße des Lieferorts|Deliver to street
BT-76|Adresszusatz des Lieferorts|Deliver to address line 2
BT-77|Ort der Lieferung|Deliver to city
BT-78|Postleitzahl des Lieferorts|Deliver to post code
BT-79|Region des Lieferorts|Deliver to region
BT-80|Land des Lieferorts|Deliver to country
BT-81|Zahlungsart|Means of payment
BT-82|Text zur Zahlungsart|Means of payment, text
BT-83|Verwendungszweck|Remittance information
BT-84|IBAN oder Kontonummer|Payment account
BT-85|Kontoinhaber|Account name
BT-86|BIC|Payment service provider
BT-87|Kartennummer|Card number
BT-88|Karteninhaber|Card holder
BT-89|Mandatsreferenz|Mandate reference
BT-90|Gläubiger-Identifikationsnummer|Creditor identifier
BT-91|Belastetes Konto|Debited account
BT-92|Betrag des Abzugs|Allowance amount
BT-93|Grundbetrag des Abzugs|Allowance base amount
BT-94|Prozentsatz des Abzugs|Allowance percentage
BT-95|Umsatzsteuerkategorie des Abzugs|VAT category of the allowance
BT-96|Umsatzsteuersatz des Abzugs|VAT rate of the allowance
BT-97|Grund des Abzugs|Allowance reason
BT-98|Code für den Grund des Abzugs|Allowance reason code
BT-99|Betrag des Zuschlags|Charge amount
BT-100|Grundbetrag des Zuschlags|Charge base amount
BT-101|Prozentsatz des Zuschlags|Charge percentage
BT-102|Umsatzsteuerkategorie des Zuschlags|VAT category of the charge
BT-103|Umsatzsteuersatz des Zuschlags|VAT rate of the charge
BT-104|Grund des Zuschlags|Charge reason
BT-105|Code für den Grund des Zuschlags|Charge reason code
BT-106|Summe der Positionen|Sum of the lines
BT-107|Summe der Abzüge|Sum of allowances
BT-108|Summe der Zuschläge|Sum of charges
BT-109|Gesamtbetrag ohne Umsatzsteuer|Total without VAT
BT-110|Umsatzsteuer gesamt|Total VAT
BT-111|Umsatzsteuer in Buchungswährung|Total VAT in accounting currency
BT-112|Gesamtbetrag mit Umsatzsteuer|Total with VAT
BT-113|Bereits gezahlt|Paid amount
BT-114|Rundungsbetrag|Rounding amount
BT-115|Zahlbetrag|Amount due
BT-116|Bemessungsgrundlage|Taxable amount
BT-117|Steuerbetrag|Tax amount
BT-118|Umsatzsteuerkategorie|VAT category
BT-119|Umsatzsteuersatz|VAT rate
BT-120|Grund der Steuerbefreiung|Exemption reason
BT-121|Code für den Grund der Steuerbefreiung|Exemption reason code
BT-122|Kennung der Unterlage|Supporting document
BT-123|Beschreibung der Unterlage|Description of the supporting document
BT-124|Ablageort der Unterlage|Location of the supporting document
BT-125|Angehängte Datei|Attached file
BT-126|Positionsnummer|Line number
BT-127|Bemerkung zur Position|Line note
BT-128|Objektkennung der Position|Line object identifier
BT-129|Menge|Quantity
BT-130|Einheit|Unit
BT-131|Nettobetrag der Position|Line net amount
BT-132|Bestellposition|Purchase order line
BT-133|Kontierung der Position|Line accounting reference
BT-134|Beginn des Zeitraums der Position|Start of the line period
BT-135|Ende des Zeitraums der Position|End of the line period
BT-136|Betrag des Abzugs der Position|Line allowance amount
BT-137|Grundbetrag des Abzugs der Position|Line allowance base amount
BT-138|Prozentsatz des Abzugs der Position|Line allowance percentage
BT-139|Grund des Abzugs der Position|Line allowance reason
BT-140|Code für den Grund des Abzugs der Position|Line allowance reason code
BT-141|Betrag des Zuschlags der Position|Line charge amount
BT-142|Grundbetrag des Zuschlags der Position|Line charge base amount
BT-143|Prozentsatz des Zuschlags der Position|Line charge percentage
BT-144|Grund des Zuschlags der Position|Line charge reason
BT-145|Code für den Grund des Zuschlags der Position|Line charge reason code
BT-146|Nettopreis|Net price
BT-147|Rabatt auf den Preis|Price discount
BT-148|Bruttopreis|Gross price
BT-149|Preis gilt für die Menge|Price base quantity
BT-150|Einheit der Preismenge|Unit of the price base quantity
BT-151|Umsatzsteuerkategorie der Position|VAT category of the line
BT-152|Umsatzsteuersatz der Position|VAT rate of the line
BT-153|Bezeichnung|Item name
BT-154|Beschreibung|Item description
BT-155|Artikelnummer des Verkäufers|Seller item number
BT-156|Artikelnummer des Käufers|Buyer item number
BT-157|Standard-Artikelnummer (GTIN)|Standard item number
BT-158|Klassifizierung des Artikels|Item classification
BT-159|Ursprungsland|Country of origin
BT-160|Eigenschaft|Item attribute
BT-161|Wert der Eigenschaft|Item attribute value
BT-162|Dritte Adresszeile des Verkäufers|Seller address line 3
BT-163|Dritte Adresszeile des Käufers|Buyer address line 3
BT-164|Dritte Adresszeile des Steuervertreters|Tax representative address line 3
BT-165|Dritte Adresszeile des Lieferorts|Deliver to address line 3
BG-1|Bemerkungen|Notes
BG-2|Prozesssteuerung|Process control
BG-3|Vorausgegangene Rechnungen|Preceding invoices
BG-4|Verkäufer|Seller
BG-5|Anschrift des Verkäufers|Seller postal address
BG-6|Kontakt des Verkäufers|Seller contact details
BG-7|Käufer|Buyer
BG-8|Anschrift des Käufers|Buyer postal address
BG-9|Kontakt des Käufers|Buyer contact details
BG-10|Zahlungsempfänger|Payee
BG-11|Steuervertreter|Tax representative
BG-12|Anschrift des Steuervertreters|Tax representative postal address
BG-13|Lieferung|Delivery
BG-14|Abrechnungszeitraum|Invoicing period
BG-15|Lieferanschrift|Deliver to address
BG-16|Zahlung|Payment
BG-17|Überweisung|Credit transfer
BG-18|Kartenzahlung|Payment card
BG-19|Lastschrift|Direct debit
BG-20|Abzüge|Allowances
BG-21|Zuschläge|Charges
BG-22|Summen|Totals
BG-23|Umsatzsteuer|VAT breakdown
BG-24|Unterlagen|Supporting documents
BG-25|Positionen|Invoice lines
BG-26|Zeitraum der Position|Line period
BG-27|Abzüge der Position|Line allowances
BG-28|Zuschläge der Position|Line charges
BG-29|Preis|Price
BG-30|Umsatzsteuer der Position|Line VAT
BG-31|Artikel|Item
BG-32|Eigenschaften des Artikels|Item attributes
"""
GERMAN, ENGLISH = (
    {line.split("|")[0]: line.split("|")[column] for line in _NAMES.strip().splitlines()} for column in (1, 2)
)
