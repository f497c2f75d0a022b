"""The table of the invoice corpus, and what a reading must be to agree with it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from storage.records.reading import BusinessTerms, DocumentFormat, MailReading

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
INVOICES = CORPUS / "invoices"
READ_IN_FULL = (
    *("cii", "ubl-invoice", "ubl-creditnote", "zugferd1"),
    *("fatturapa", "ebinterface", "facturae"),
)
_BEFORE_ZUGFERD_1 = "CBFBUY"

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A reading held against a row: fields by how they came out; `trouble` says what is wrong, None for nothing."""

    right: int
    wrong: int
    unknown: int  # null where the table has a value
    trouble: str | None


def rows() -> list[Row]:
    """Every row of expected.tsv."""
    with (INVOICES / "expected.tsv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def as_row(terms: BusinessTerms) -> Row:
    """The terms in the columns of the table. Its GLN is that of an identifier or the electronic address."""
    buyer, address = terms.buyer, terms.buyer.electronic_address
    identifiers = [*buyer.identifiers, *([address] if address else [])]
    values = {
        "format": terms.format.value,
        "profile": terms.profile,
        "number": terms.invoice_number,
        "issue_date": terms.issue_date,
        "type_code": terms.type_code,
        "currency": terms.currency,
        "seller_name": terms.seller.name,
        "seller_vat": terms.seller.vat_id,
        "buyer_name": buyer.name,
        "buyer_vat": buyer.vat_id,
        "buyer_endpoint": address and address.value,
        "buyer_endpoint_scheme": address and address.scheme,
        "buyer_reference": terms.buyer_reference,
        "net_total": terms.total_without_vat,
        "tax_total": terms.vat_total,
        "grand_total": terms.total_with_vat,
        "due_payable": terms.amount_due,
        "buyer_id": buyer.identifiers[0].value if buyer.identifiers else None,
        "buyer_gln": next((one.value for one in identifiers if one.scheme in ("0088", "GLN")), None),
        "buyer_legal_id": buyer.legal_registration and buyer.legal_registration.value,
        "buyer_email": buyer.email,
        "order_ref": terms.order_reference,
        "test_indicator": None if terms.test_indicator is None else str(terms.test_indicator).lower(),
    }
    return {column: value or "" for column, value in values.items()}


def judge(row: Row, reading: MailReading) -> Verdict:
    """Holds the reading of a mail with this file against the table."""
    if row["format"] not in READ_IN_FULL:
        return Verdict(0, 0, 0, _judge_other(row, reading))
    if len(reading.invoices) != 1:
        return Verdict(0, 0, len(row), f"{len(reading.invoices)} invoices instead of one")
    found = as_row(reading.invoices[0].terms)
    expected = {column: row[column] for column in found}
    if not expected["buyer_endpoint"]:
        expected["buyer_endpoint_scheme"] = ""  # the scheme of an empty address names nothing
    unknown = [column for column in found if not found[column] and expected[column]]
    wrong = [column for column in found if found[column] and found[column] != expected[column]]
    different = ", ".join(f"{one}: {found[one]!r} for {expected[one]!r}" for one in (*wrong, *unknown))
    return Verdict(len(found) - len(wrong) - len(unknown), len(wrong), len(unknown), different or None)


def _judge_other(row: Row, reading: MailReading) -> str | None:
    """Files whose content the table does not have: what they are must come out."""
    structured = [one for one in reading.invoices if one.terms.structured]
    match row["format"]:
        case "pdf-only":
            return "an invoice for machines in a PDF that has none" if structured else None
        case "pdf-encrypted":
            told = any("encrypted" in one.reason for one in reading.unread)
            return None if told and not reading.invoices else "not told that it is encrypted"
        case "pdf-malformed-xml":
            warned = [one for one in reading.invoices if one.warnings and not one.terms.structured]
            return None if len(warned) == 1 else "not an invoice for people with a warning"
        case "malformed-xml":
            return "an invoice in broken XML" if reading.invoices else None
    if _BEFORE_ZUGFERD_1 in row["note"]:
        right = [
            one for one in structured if one.terms.format is DocumentFormat.OTHER and one.terms.invoice_number
        ]
        return None if len(right) == 1 else "not read"
    return "an invoice in what is none" if reading.invoices else None
