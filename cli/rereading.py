"""Compares what is on record of a mail with what a reader finds in it today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass

from storage.records.reading import InvoiceReading, MailReading, Message, Part


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different; texts as people read them, None where there is nothing."""

    what: str  # "invoice NAME", "NAME: seller.vat_id", "part NAME", "reading", ...
    before: str | None
    after: str | None


def changes(message: Message | None, before: Sequence[InvoiceReading], after: MailReading) -> list[Change]:
    """Everything that is different: invoices, their terms, and the parts of the mail."""
    return [
        *_of_invoices(before, after.invoices),
        *_of_parts(message.parts if message else (), after.message.parts),
    ]


def _of_invoices(before: Sequence[InvoiceReading], after: Sequence[InvoiceReading]) -> Iterator[Change]:
    old, new = _by_document(before), _by_document(after)
    for key in old.keys() | new.keys():
        was, now = old.get(key), new.get(key)
        if was is None or now is None:
            one = was or now
            name = one.document.name if one else ""
            yield Change(f"invoice {name}", _shortly(was), _shortly(now))
            continue
        was_terms, now_terms = dict(_flat(was.terms)), dict(_flat(now.terms))
        for term in sorted(was_terms.keys() | now_terms.keys()):
            if was_terms.get(term) != now_terms.get(term):
                yield Change(f"{now.document.name}: {term}", was_terms.get(term), now_terms.get(term))


def _by_document(readings: Sequence[InvoiceReading]) -> dict[tuple[str, int], InvoiceReading]:
    """By digest, and by place where one document holds several invoices."""
    found: dict[tuple[str, int], InvoiceReading] = {}
    for reading in readings:
        place = 0
        while (reading.document.sha256, place) in found:
            place += 1
        found[reading.document.sha256, place] = reading
    return found


def _shortly(reading: InvoiceReading | None) -> str | None:
    if reading is None:
        return None
    return f"{reading.terms.format} {reading.terms.invoice_number or 'without a number'}"


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Each term that has a value, by its dotted name."""
    if value is None or value == ():
        return
    if is_dataclass(value):
        for field in fields(value):
            yield from _flat(getattr(value, field.name), f"{path}.{field.name}" if path else field.name)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _flat(item, f"{path}[{number}]")
    else:
        yield path, str(value)


def _of_parts(before: Sequence[Part], after: Sequence[Part]) -> Iterator[Change]:
    old = {(part.path, part.sha256): part for part in before}
    new = {(part.path, part.sha256): part for part in after}
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        if was is None or now is None or was.role != now.role:
            part = now or was
            yield Change(
                f"part {part.name if part else ''}",
                str(was.role) if was else None,
                str(now.role) if now else None,
            )
