"""From the octets of a mail to the invoices in it; pure, and never raises for anything a mail holds."""

from __future__ import annotations

import hashlib

from ingest.processing.grouping import group
from ingest.processing.interim_reading.document import read_document
from ingest.processing.mime import Leaf, parse_mail
from storage.records import MailReading, Message, Part, PartRole

_MAY_HOLD_AN_INVOICE = {PartRole.ATTACHMENT, PartRole.UNCLASSIFIED}


def read_mail(octets: bytes) -> MailReading:
    """Sender metadata, every leaf part, and the invoices of a mail."""
    mail = parse_mail(octets)
    parts = [_part(leaf) for leaf in mail.leaves]
    documents = [read_document(leaf) if leaf.role in _MAY_HOLD_AN_INVOICE else None for leaf in mail.leaves]
    grouped = group(parts, documents)
    message = Message(
        message_id=mail.message_id,
        subject=mail.subject,
        date=mail.date,
        from_=mail.from_,
        reply_to=mail.reply_to,
        to=mail.to,
        environment_sign=mail.environment_sign,
        defects=mail.defects,
        parts=grouped.parts,
    )
    return MailReading(message=message, invoices=grouped.invoices, unread=grouped.unread)


def extract_part(octets: bytes, sha256: str) -> bytes | None:
    """The content of the first leaf part with this SHA-256 (hexadecimal), None when there is none."""
    for leaf in parse_mail(octets).leaves:
        if hashlib.sha256(leaf.content).hexdigest() == sha256:
            return leaf.content
    return None


def _part(leaf: Leaf) -> Part:
    return Part(
        path=leaf.path,
        name=leaf.name,
        media_type=leaf.media_type,
        declared_type=leaf.declared_type,
        size=len(leaf.content),
        sha256=hashlib.sha256(leaf.content).hexdigest(),
        role=leaf.role,
    )
