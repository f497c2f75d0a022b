"""Puts the documents of one mail together: which are one invoice, which belong to it, which are something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from ingest.processing.interim_reading.results import Document, Read, Unreadable
from storage.records import Finding, InvoiceReading, Part, PartRole, UnreadDocument


@dataclass(slots=True)
class _Group:
    """The documents of one invoice, the leading one first."""

    read: Read
    parts: list[Part]
    texts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Grouped:
    """What a mail holds once its documents are put together."""

    parts: tuple[Part, ...]  # all of them, in their order, with their final roles
    invoices: tuple[InvoiceReading, ...]
    unread: tuple[UnreadDocument, ...]


def group(parts: Sequence[Part], documents: Sequence[Document | None]) -> Grouped:
    """Groups leaf parts by what their documents say; `documents` stand in the order of `parts`."""
    read = [(part, document) for part, document in zip(parts, documents, strict=True) if document is not None]
    groups = _structured(read)
    _plain(read, groups)
    unread = tuple(
        UnreadDocument(part=replace(part, role=PartRole.UNREADABLE), reason=document.otherwise.reason)
        for part, document in read
        if isinstance(document.otherwise, Unreadable)
    )
    roles = _roles(groups, unread)
    final = tuple(replace(part, role=roles.get(part.path, part.role)) for part in parts)
    by_path = {part.path: part for part in final}
    others = [part for part in final if part.role in (PartRole.ATTACHMENT, PartRole.UNREADABLE)]
    warnings = tuple(_unreadable(one) for one in unread)
    invoices = tuple(
        InvoiceReading(
            terms=one.read.terms,
            document=replace(by_path[one.parts[0].path], role=PartRole.INVOICE),
            attachments=(
                replace(by_path[one.parts[0].path], role=PartRole.INVOICE),
                *(replace(by_path[part.path], role=PartRole.REPRESENTATION) for part in one.parts[1:]),
                *others,
            ),
            warnings=(*one.read.warnings, *warnings),
        )
        for one in groups
    )
    return Grouped(final, invoices, unread)


def _structured(read: list[tuple[Part, Document]]) -> list[_Group]:
    groups: list[_Group] = []
    for part, document in read:
        for invoice in document.invoices:
            if not invoice.terms.structured:
                continue
            same = next((one for one in groups if _same_invoice(one.read, invoice)), None)
            if same is None:
                groups.append(_Group(invoice, [part]))
            elif part not in same.parts:
                same.parts.append(part)
    return groups


def _plain(read: list[tuple[Part, Document]], groups: list[_Group]) -> None:
    """Adds PDFs without a structured invoice: to the one they show, else as invoices of their own."""
    structured = list(groups)
    plain = [(part, document) for part, document in read if _is_plain_pdf(document)]
    alone = len(structured) == 1 and len(plain) == 1
    for part, document in plain:
        twin = _twin(part, document, structured, alone=alone)
        if twin is not None:
            twin.parts.append(part)
            continue
        if document.invoices and (document.evident or not structured):
            groups.append(_Group(document.invoices[0], [part]))


def _is_plain_pdf(document: Document) -> bool:
    if document.invoices:
        return not document.invoices[0].terms.structured
    return bool(document.text)


def _twin(part: Part, document: Document, structured: list[_Group], *, alone: bool) -> _Group | None:
    for one in structured:
        number = one.read.terms.invoice_number
        if number and _names(document.text, number):
            return one
    for one in structured:
        if any(_stem(part) == _stem(other) for other in one.parts):
            return one
    own_number = document.invoices[0].terms.invoice_number if document.invoices else None
    # One XML and one PDF of an invoice are twins, unless the PDF says of itself that it is another one.
    if alone and document.invoices and own_number is None:
        return structured[0]
    return None


def _names(text: str, number: str) -> bool:
    """Whether a text names an invoice number, on its own and not as a piece of another word."""
    if len(number) < 3:
        return False  # "1" stands in every text
    pattern = r"\s*".join(map(re.escape, number.split()))
    return re.search(rf"(?<![\w-]){pattern}(?![\w-])", text) is not None


def _stem(part: Part) -> str:
    return PurePath(part.name).stem.casefold()


def _same_invoice(one: Read, other: Read) -> bool:
    first, second = one.terms, other.terms
    if not first.invoice_number:
        return False
    return (first.invoice_number, first.issue_date) == (second.invoice_number, second.issue_date) and (
        first.seller.name == second.seller.name or first.seller.vat_id == second.seller.vat_id
    )


def _roles(groups: list[_Group], unread: tuple[UnreadDocument, ...]) -> dict[str, PartRole]:
    roles = {one.part.path: PartRole.UNREADABLE for one in unread}
    for one in groups:
        roles |= {part.path: PartRole.REPRESENTATION for part in one.parts[1:]}
    for one in groups:
        roles[one.parts[0].path] = PartRole.INVOICE
    return roles


def _unreadable(one: UnreadDocument) -> Finding:
    return Finding(
        code="unreadable-attachment",
        text=f'The attachment "{one.part.name}" could not be read: {one.reason}.',
    )
