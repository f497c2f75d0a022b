"""Reads the mail of exported invoices with today's reader: what is put on record, and where that differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cli.export_record import ExportedInvoice
from cli.rereading import Change, changes
from ingest.processing.filing import BUYER_MISMATCH
from ingest.receiving.transfer_key import transfer_digest
from reading.sandbox import ReaderPool, ReadingFailed
from storage.records.reading import InvoiceReading, MailReading


@dataclass(frozen=True, slots=True)
class ReadAnew:
    """A mail as today's reader sees it, and of each invoice what is to be on record."""

    trace: bytes
    octets: bytes
    digest: bytes
    reading: MailReading
    invoices: dict[str, InvoiceReading]  # by id; those that it finds
    differences: dict[str, tuple[Change, ...]]


def read_anew(
    invoices: Sequence[ExportedInvoice], original: bytes, readers: ReaderPool, most_octets: int
) -> ReadAnew | str:
    """What is put on record of a mail, or why it cannot be: nothing but its octets is believed."""
    mail = invoices[0].mail
    trace, octets = original[: mail.trace_octets], original[mail.trace_octets :]
    if len(octets) != mail.size:
        return "its original has another size than its record says"
    if len(octets) > most_octets:
        return f"its mail has {len(octets)} octets, more than smtp.max_message_bytes; set that higher"
    digest = transfer_digest(octets, mail.envelope)
    if digest.hex() != mail.transfer_digest:
        return "its original is not the mail that its record tells of"
    reading = readers.read(mail.id, octets)
    if isinstance(reading, ReadingFailed):
        return f"today's reader cannot read its mail: {reading.reason}"
    found = {one.id: again for one in invoices if (again := _again(one, reading))}
    differences = {
        one.id: tuple(changes(reading.message, [one.reading], replace(reading, invoices=(found[one.id],))))
        for one in invoices
        if one.id in found
    }
    return ReadAnew(trace, octets, digest, reading, found, differences)


def _again(one: ExportedInvoice, reading: MailReading) -> InvoiceReading | None:
    """The same document as today's reader reads it; what its filing said about the buyer stays with it."""
    alike = [found for found in reading.invoices if found.document.sha256 == one.reading.document.sha256]
    number = one.reading.terms.invoice_number
    found = next((found for found in alike if found.terms.invoice_number == number), None)
    if found is None and len(alike) == 1:
        found = alike[0]
    if found is None:
        return None
    said = any(warning.code == BUYER_MISMATCH.code for warning in one.reading.warnings)
    return replace(found, warnings=(*found.warnings, BUYER_MISMATCH)) if said else found
