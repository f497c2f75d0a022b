"""What today's reader finds is compared with what is on record, term by term."""

from __future__ import annotations

from dataclasses import replace

from cli.rereading import Change, changes
from storage.records.reading import PartRole
from tests import making

BEFORE = making.invoice_reading()
MESSAGE = making.message()


def test_the_same_reading_has_no_changes() -> None:
    """Else an operator would look through every mail there is."""
    assert changes(MESSAGE, [BEFORE], making.mail_reading(invoices=(BEFORE,))) == []


def test_each_term_that_is_read_otherwise_is_named() -> None:
    """Down to those within the seller and the buyer; also one that was not there before."""
    terms = replace(
        BEFORE.terms,
        invoice_number="R-2",
        seller=replace(BEFORE.terms.seller, vat_id="ATU13585627"),
        due_date="2026-12-24",
    )

    found = changes(MESSAGE, [BEFORE], making.mail_reading(invoices=(replace(BEFORE, terms=terms),)))

    assert found == [
        Change("invoice.xml: due_date", None, "2026-12-24"),
        Change("invoice.xml: invoice_number", "R-1", "R-2"),
        Change("invoice.xml: seller.vat_id", "DE123456788", "ATU13585627"),
    ]


def test_an_invoice_that_is_found_or_lost_is_named() -> None:
    """The first is why an operator asks, the second why one asks before."""
    found = changes(MESSAGE, [], making.mail_reading(invoices=(BEFORE,)))
    lost = changes(MESSAGE, [BEFORE], making.mail_reading(invoices=()))

    assert found == [Change("invoice invoice.xml", None, "cii R-1")]
    assert lost == [Change("invoice invoice.xml", "cii R-1", None)]


def test_parts_that_are_found_lost_or_taken_otherwise_are_named() -> None:
    """A part that no reader of before saw may be the invoice."""
    taken_otherwise = making.part(role=PartRole.ATTACHMENT)
    new = making.part(path="3", name="new.pdf", sha256="0" * 64)
    today = making.mail_reading(message=making.message(parts=(taken_otherwise, new)), invoices=(BEFORE,))

    assert changes(MESSAGE, [BEFORE], today) == [
        Change("part invoice.xml", "invoice", "attachment"),
        Change("part new.pdf", None, "invoice"),
    ]
