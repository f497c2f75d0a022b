"""Tells whether two readings are of the same invoice."""

from __future__ import annotations

from storage.records.reading import BusinessTerms, Party


def same_invoice(one: BusinessTerms, other: BusinessTerms) -> bool:
    """Same number (BT-1), and neither seller nor date (BT-2) of one contradicts the other's."""
    return (
        one.invoice_number is not None
        and other.invoice_number is not None
        and folded(one.invoice_number) == folded(other.invoice_number)
        and not _differ(one.issue_date, other.issue_date)
        and _may_be_one_seller(one.seller, other.seller)
    )


def folded(written: str) -> str:
    """A text for comparing: no white space, one case."""
    return "".join(written.split()).casefold()


def _may_be_one_seller(one: Party, other: Party) -> bool:
    """VAT identifiers decide where both have one, else names."""
    if one.vat_id and other.vat_id:
        return not _differ(one.vat_id, other.vat_id)
    return not _differ(one.name, other.name)


def _differ(one: str | None, other: str | None) -> bool:
    return bool(one) and bool(other) and folded(one or "") != folded(other or "")
