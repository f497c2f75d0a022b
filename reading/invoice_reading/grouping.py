"""Puts the documents of one mail together: each invoice with all its documents, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reading.invoice_reading.evidence import says_invoice
from reading.invoice_reading.same_invoice import same_invoice
from reading.invoice_reading.twins import is_candidate, numbers_differ, same_stem, shows_number
from reading.invoice_reading.values import (
    Document,
    Evidence,
    PlainPdf,
    StructuredInvoice,
    Unreadable,
)
from reading.mime import Leaf
from storage.records.reading import BusinessTerms, Finding, TermSource


@dataclass(frozen=True, slots=True)
class ReadLeaf:
    """A leaf part and what it holds."""

    leaf: Leaf
    documents: tuple[Document, ...]


@dataclass(slots=True)
class Group:
    """One invoice: the leading document, and its twins in their order."""

    terms: BusinessTerms
    document: Leaf
    warnings: tuple[Finding, ...]
    hybrid: bool  # the leading document is a PDF that people can read themselves
    twins: list[Leaf] = field(default_factory=list)
    sources: tuple[TermSource, ...] = ()

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """All documents of the invoice, the leading one first."""
        return (self.document, *self.twins)


@dataclass(frozen=True, slots=True)
class Grouping:
    """The invoices of a mail in the order of their leading documents, and what could not be read."""

    groups: tuple[Group, ...]
    unreadable: tuple[tuple[Leaf, str], ...]  # leaf and reason


def group(read: Sequence[ReadLeaf], subject: str | None) -> Grouping:
    """Groups documents by invoice: structured ones lead, PDFs for people join theirs or stand alone.

    A PDF for people that belongs to no structured invoice is one itself if its pages say so; where no document
    of the mail does better, a mere mention, a scan, or the subject is enough.
    """
    groups = _structured(read)
    plain = [(one.leaf, pdf) for one in read for pdf in one.documents if isinstance(pdf, PlainPdf)]
    left = _not_joined(plain, groups)
    for leaf, pdf in _standing_alone(left, subject, alone=not groups):
        _add_plain(groups, leaf, pdf)
    position = {one.leaf.path: number for number, one in enumerate(read)}
    unreadable = [
        (one.leaf, document.reason)
        for one in read
        for document in one.documents
        if isinstance(document, Unreadable)
    ]
    groups.sort(key=lambda one: position[one.document.path])
    return Grouping(tuple(groups), tuple(unreadable))


def _structured(read: Sequence[ReadLeaf]) -> list[Group]:
    """XML before hybrid PDFs, readable syntaxes before others: so the best document of each invoice leads."""
    found = [
        (one.leaf, document)
        for one in read
        for document in one.documents
        if isinstance(document, StructuredInvoice)
    ]
    found.sort(key=lambda pair: (pair[1].terms.invoice_number is None, pair[1].embedded_name is not None))
    groups: list[Group] = []
    for leaf, invoice in found:
        same = next((one for one in groups if _is_same(one, leaf, invoice.terms)), None)
        if same is None:
            hybrid = invoice.embedded_name is not None
            groups.append(Group(invoice.terms, leaf, invoice.warnings, hybrid))
        elif leaf not in same.leaves:
            same.twins.append(leaf)
            same.hybrid = same.hybrid or invoice.embedded_name is not None
    return groups


def _is_same(one: Group, leaf: Leaf, terms: BusinessTerms) -> bool:
    if same_invoice(one.terms, terms):
        return True
    unknown = terms.invoice_number is None
    return unknown and (leaf.content == one.document.content or same_stem(leaf.name, one.document.name))


def _not_joined(
    plain: Sequence[tuple[Leaf, PlainPdf]], groups: Sequence[Group]
) -> list[tuple[Leaf, PlainPdf]]:
    """Adds each PDF to the structured invoices that it shows; returns those that show none."""
    left = []
    candidates = sum(is_candidate(pdf) for _, pdf in plain)
    for leaf, pdf in plain:
        shown = [one for one in groups if _shows(leaf, pdf, one)]
        if not shown and len(groups) == 1 and candidates == 1 and _may_be_twin(pdf, groups[0]):
            shown = [groups[0]]
        for one in shown:
            one.twins.append(leaf)
        if not shown:
            left.append((leaf, pdf))
    return left


def _shows(leaf: Leaf, pdf: PlainPdf, one: Group) -> bool:
    if pdf.evidence == Evidence.SOMETHING_ELSE or numbers_differ(pdf, one.terms):
        return False
    return shows_number(pdf, one.terms) or same_stem(leaf.name, one.document.name)


def _may_be_twin(pdf: PlainPdf, only: Group) -> bool:
    """Of one XML and one PDF where nothing speaks against it; a hybrid PDF has no need of another PDF."""
    return is_candidate(pdf) and not only.hybrid and not numbers_differ(pdf, only.terms)


def _standing_alone(
    left: Sequence[tuple[Leaf, PlainPdf]], subject: str | None, *, alone: bool
) -> Iterable[tuple[Leaf, PlainPdf]]:
    """Those of the PDFs left over that are invoices themselves."""
    evident = [(leaf, pdf) for leaf, pdf in left if pdf.evidence == Evidence.INVOICE]
    if evident or not alone:
        return evident
    possible = [(leaf, pdf) for leaf, pdf in left if pdf.evidence >= Evidence.SCAN]
    if possible or not says_invoice(subject):
        return possible
    return [(leaf, pdf) for leaf, pdf in left if pdf.evidence == Evidence.NONE]


def _add_plain(groups: list[Group], leaf: Leaf, pdf: PlainPdf) -> None:
    """Two PDFs with the same number are one invoice, the first leads."""
    for one in groups:
        if leaf.content == one.document.content or same_invoice(one.terms, pdf.terms):
            one.twins.append(leaf)
            return
    groups.append(Group(pdf.terms, leaf, pdf.warnings, hybrid=False, sources=pdf.sources))
