"""Reads a whole mail: from its octets to the invoices in it; pure, never raises for anything a mail holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ingest.processing.invoice_reading.document import read_document
from ingest.processing.invoice_reading.edifact import opens_like_edifact
from ingest.processing.invoice_reading.grouping import Group, Grouping, ReadLeaf, group
from ingest.processing.invoice_reading.pdf import opens_like_pdf
from ingest.processing.invoice_reading.xml import opens_like_xml
from ingest.processing.mime import Leaf, ParsedMail, parse_mail
from storage.records import Finding, InvoiceReading, MailReading, Message, Part, PartRole, UnreadDocument

_WITH_INVOICES = {PartRole.ATTACHMENT, PartRole.UNREADABLE}  # roles of what is listed after an invoice's own


def read_mail(octets: bytes) -> MailReading:
    """Sender metadata, every leaf part with its final role, the invoices, and what could not be read.

    `octets` is a mail as it came after DATA (RFC 5322). Never raises.
    """
    mail = parse_mail(octets)
    read = tuple(ReadLeaf(leaf, read_document(leaf)) for leaf in mail.leaves if _may_be_document(leaf))
    grouping = group(read, mail.subject)
    parts = _parts(mail.leaves, grouping)
    unread = tuple(
        UnreadDocument(part=parts[leaf.path], reason=reason) for leaf, reason in grouping.unreadable
    )
    warnings = tuple(_unreadable_attachment(one) for one in unread)
    return MailReading(
        message=_message(mail, tuple(parts.values())),
        invoices=tuple(_invoice(one, parts, warnings) for one in grouping.groups),
        unread=unread,
    )


def extract_part(octets: bytes, sha256: str) -> bytes | None:
    """The content of the leaf part with this SHA-256 (hexadecimal), None when the mail has none. Never raises."""
    wanted = sha256.lower()
    contents = (leaf.content for leaf in parse_mail(octets).leaves)
    return next((one for one in contents if hashlib.sha256(one).hexdigest() == wanted), None)


def _may_be_document(leaf: Leaf) -> bool:
    """Text that a person reads in the mail itself is no document; what hides as an inline picture may be one."""
    if leaf.role in (PartRole.ATTACHMENT, PartRole.UNCLASSIFIED):
        return True
    if leaf.role == PartRole.INLINE:
        return opens_like_pdf(leaf.content) or opens_like_xml(leaf.content)
    return opens_like_edifact(leaf.content)


def _parts(leaves: tuple[Leaf, ...], grouping: Grouping) -> Mapping[str, Part]:
    """All leaf parts by path, in their order; invoice outranks representation, and that unreadable."""
    roles = dict.fromkeys((leaf.path for leaf, _ in grouping.unreadable), PartRole.UNREADABLE)
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
    )


def _unreadable_attachment(one: UnreadDocument) -> Finding:
    text = f'the attachment "{one.part.name}" cannot be read: {one.reason}'
    return Finding(code="unreadable-attachment", text=text)


def _message(mail: ParsedMail, parts: tuple[Part, ...]) -> Message:
    return Message(
        message_id=mail.message_id,
        subject=mail.subject,
        date=mail.date,
        from_=mail.from_,
        reply_to=mail.reply_to,
        to=mail.to,
        environment_sign=mail.environment_sign,
        defects=mail.defects,
        parts=parts,
    )
