"""Reads a whole mail: from its octets to the invoices in it; pure, never raises for anything a mail holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from reading.invoice_reading.document import read_document
from reading.invoice_reading.edifact import opens_like_edifact
from reading.invoice_reading.grouping import Group, Grouping, ReadLeaf, group
from reading.invoice_reading.pdf import opens_like_pdf
from reading.invoice_reading.xml import opens_like_xml
from reading.link_only import linked_host
from reading.mime import Leaf, ParsedMail, parse_mail
from reading.returned import returned_mail
from reading.unpacking import unpack
from storage.records.reading import (
    Finding,
    InvoiceReading,
    MailReading,
    Message,
    Part,
    PartRole,
    UnreadDocument,
)

_WITH_INVOICES = {PartRole.ATTACHMENT, PartRole.UNREADABLE}  # roles of what is listed after an invoice's own


def read_mail(octets: bytes) -> MailReading:
    """Sender metadata, every leaf part with its final role, the invoices, and what could not be read.

    `octets` is a mail as it came after DATA (RFC 5322). Never raises.
    """
    mail = parse_mail(octets)
    contents = unpack(mail.leaves)
    read = tuple(
        ReadLeaf(leaf, read_document(leaf)) for leaf in contents.documents() if _may_be_document(leaf)
    )
    grouping = group(read, mail.subject)
    reasons = {leaf.path: reason for leaf, reason in grouping.unreadable} | contents.troubles
    parts = _parts(contents.leaves, grouping, reasons)
    unread = tuple(UnreadDocument(part=parts[path], reason=reason) for path, reason in reasons.items())
    warnings = tuple(_unreadable_attachment(one) for one in unread)
    return MailReading(
        message=_message(mail, tuple(parts.values()), contents.notes),
        invoices=tuple(_invoice(one, parts, warnings) for one in grouping.groups),
        unread=unread,
        linked_host=None if grouping.groups or unread else linked_host(mail.leaves, mail.subject),
        signs=mail.signs,
        returned=returned_mail(octets, mail.leaves),
    )


def extract_part(octets: bytes, sha256: str) -> bytes | None:
    """The content of the leaf part with this SHA-256 (hexadecimal), None when the mail has none. Never raises."""
    wanted = sha256.lower()
    contents = (leaf.content for leaf in unpack(parse_mail(octets).leaves).leaves)
    return next((one for one in contents if hashlib.sha256(one).hexdigest() == wanted), None)


def _may_be_document(leaf: Leaf) -> bool:
    """Text that a person reads in the mail itself is no document; what hides as an inline picture may be one."""
    if leaf.of_invoice:
        return False
    if leaf.role in (PartRole.ATTACHMENT, PartRole.UNCLASSIFIED):
        return True
    if leaf.role == PartRole.INLINE:
        return opens_like_pdf(leaf.content) or opens_like_xml(leaf.content)
    return opens_like_edifact(leaf.content)


def _parts(leaves: Sequence[Leaf], grouping: Grouping, unread: Iterable[str]) -> Mapping[str, Part]:
    """All leaf parts by path, in their order; invoice outranks representation, and that unreadable."""
    roles = dict.fromkeys(unread, PartRole.UNREADABLE)
    roles |= {leaf.path: PartRole.REPRESENTATION for one in grouping.groups for leaf in one.twins}
    roles |= {one.document.path: PartRole.INVOICE for one in grouping.groups}
    return {leaf.path: _part(leaf, roles.get(leaf.path, leaf.role)) for leaf in leaves}


def _part(leaf: Leaf, role: PartRole) -> Part:
    return Part(
        path=leaf.path,
        name=leaf.name,
        media_type=leaf.media_type,
        declared_type=leaf.declared_type,
        size=len(leaf.content),
        sha256=hashlib.sha256(leaf.content).hexdigest(),
        role=role,
    )


def _invoice(one: Group, parts: Mapping[str, Part], warnings: tuple[Finding, ...]) -> InvoiceReading:
    own = [parts[leaf.path] for leaf in one.leaves]
    rest = [part for part in parts.values() if part.role in _WITH_INVOICES]
    return InvoiceReading(
        terms=one.terms,
        document=own[0],
        attachments=(*own, *rest),
        warnings=(*one.warnings, *warnings),
        sources=one.sources,
    )


def _unreadable_attachment(one: UnreadDocument) -> Finding:
    text = f'the attachment "{one.part.name}" cannot be read: {one.reason}'
    return Finding(code="unreadable-attachment", text=text)


def _message(mail: ParsedMail, parts: tuple[Part, ...], notes: Iterable[str]) -> Message:
    return Message(
        message_id=mail.message_id,
        subject=mail.subject,
        date=mail.date,
        from_=mail.from_,
        reply_to=mail.reply_to,
        to=mail.to,
        environment_sign=mail.environment_sign,
        defects=(*mail.defects, *dict.fromkeys(notes)),
        parts=parts,
    )
