"""From the octets of a mail to its sender metadata and every leaf part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reading.mime.leaf_parts import LeafParts
from reading.mime.leaves import Leaf
from reading.mime.mail_signs import mail_signs
from reading.mime.sender_metadata import read_mail_header
from storage.records.reading import Mailbox, MailSign


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMail:
    """A mail's metadata and all its leaf parts."""

    message_id: str | None
    subject: str | None
    date: datetime | None  # UTC
    from_: tuple[Mailbox, ...]  # of all From fields, should there be several
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    environment_sign: str | None  # value of X-Invoice-Environment
    signs: tuple[MailSign, ...]
    defects: tuple[str, ...]  # in plain words, each once
    leaves: tuple[Leaf, ...]


def parse_mail(octets: bytes) -> ParsedMail:
    """Takes a mail (RFC 5322) apart. Never raises, whatever the octets are; what is wrong with them is in `defects`."""
    parts = LeafParts()
    fields = parts.take(octets)
    header = read_mail_header(fields)
    return ParsedMail(
        message_id=header.message_id,
        subject=header.subject,
        date=header.date,
        from_=header.from_,
        reply_to=header.reply_to,
        to=header.to,
        environment_sign=header.environment_sign,
        signs=mail_signs(fields),
        defects=tuple(dict.fromkeys((*header.defects, *parts.defects))),
        leaves=tuple(parts.found.leaves),
    )
