"""Reads the sender metadata of a mail's header (RFC 5322 3.6), within bounds whatever the header is like."""

from __future__ import annotations

import logging
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import getaddresses, parsedate_to_datetime

import mailparser

from reading.mime.charsets import storable, text_of
from reading.mime.encoded_words import without_encoded_words
from reading.mime.entity_header import EntityHeader
from storage.records.reading import Mailbox

MAX_ADDRESSES = 1000  # of one field
MAX_CHARACTERS = 2000  # of a subject, a name, an address
_MAX_ADDRESS_OCTETS = 64 * 1024
_MAX_TEXT_OCTETS = 8 * 1024  # mail-parser takes quadratic time for encoded words without an end
_MAX_BOUNDARIES = re.compile(rb"(?:[^,;]*+[,;]){%d}" % MAX_ADDRESSES)

_ADDRESS_FIELDS = (b"from", b"reply-to", b"to")
_ONCE = (b"from", b"subject", b"message-id", b"date")  # RFC 5322 3.6
_NOTED = {
    "AddressHeaderDefect": "an address field is malformed",
    "DateHeaderDefect": "the Date field is malformed",
}

# It writes out whole fields that it cannot decode; what senders write is nothing for our log.
logging.getLogger("mailparser").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHeader:
    """What a mail says of itself."""

    message_id: str | None = None
    subject: str | None = None
    date: datetime | None = None  # UTC
    from_: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    environment_sign: str | None = None  # X-Invoice-Environment
    defects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Noted:
    """What mail-parser says, in our types."""

    subject: str | None
    message_id: str | None
    date: datetime | None
    mailboxes: dict[bytes, tuple[Mailbox, ...]]
    defects: tuple[str, ...]


def read_mail_header(header: EntityHeader) -> MailHeader:
    """The metadata of a mail: by mail-parser, by the standard library where that gives up. Never raises."""
    values, defects = _within_bounds(header)
    noted = _by_mail_parser(values)
    defects += noted.defects
    date = noted.date or _date(values.get(b"date"))
    if header.first(b"date") and date is None:
        defects.append("the Date field is no date")
    for name in _ONCE:
        if len(header.fields.get(name, ())) > 1:
            defects.append(f"the header has more than one {_written(name)} field")
    boxes = {
        name: noted.mailboxes.get(name, ()) + _of_further_fields(header, name) for name in _ADDRESS_FIELDS
    }
    return MailHeader(
        message_id=_line(noted.message_id),
        subject=_line(noted.subject),
        date=date,
        from_=boxes[b"from"][:MAX_ADDRESSES],
        reply_to=boxes[b"reply-to"][:MAX_ADDRESSES],
        to=boxes[b"to"][:MAX_ADDRESSES],
        environment_sign=_line(text_of(header.first(b"x-invoice-environment"))),
        defects=tuple(defects),
    )


def _within_bounds(header: EntityHeader) -> tuple[dict[bytes, bytes], list[str]]:
    """The first field of each name, in UTF-8 (RFC 6532) and no longer than a parser takes quickly; what was cut."""
    values: dict[bytes, bytes] = {}
    defects = []
    for name in (*_ADDRESS_FIELDS, b"subject", b"date", b"message-id"):
        value = header.first(name)
        if not value:
            continue
        cut = _cut_addresses(value) if name in _ADDRESS_FIELDS else value[:_MAX_TEXT_OCTETS]
        if len(cut) < len(value):
            defects.append(f"the {_written(name)} field is too long; the rest of it was not read")
        values[name] = _as_utf8(cut)
    return values, defects


def _cut_addresses(value: bytes) -> bytes:
    too_many = _MAX_BOUNDARIES.match(value)
    value = too_many[0][:-1] if too_many else value
    return value if len(value) <= _MAX_ADDRESS_OCTETS else value[:_MAX_ADDRESS_OCTETS].rpartition(b",")[0]


def _as_utf8(value: bytes) -> bytes:
    return value if value.isascii() else text_of(value).encode("utf-8", "replace")


def _by_mail_parser(values: dict[bytes, bytes]) -> _Noted:
    # Only what is asked of it: it looks at every field and every part that it is given.
    block = b"".join(name + b": " + value + b"\r\n" for name, value in values.items())
    try:
        parsed = mailparser.parse_from_bytes(block + b"\r\n")
        date = parsed.date
        return _Noted(
            subject=_decoded(_string(parsed.subject)),
            message_id=_string(parsed.message_id),
            date=date.astimezone(UTC) if isinstance(date, datetime) and date.tzinfo else None,
            # It takes its time over a field that is not there, too.
            mailboxes={
                name: _mailboxes(getattr(parsed, attribute)) if name in values else ()
                for name, attribute in ((b"from", "from_"), (b"reply-to", "reply_to"), (b"to", "to"))
            },
            defects=tuple(
                _NOTED.get(one, f"mail-parser notes: {one}") for one in sorted(parsed.defects_categories)
            ),
        )
    except Exception:  # it promises nothing about what it raises
        return _by_standard_library(values)


def _by_standard_library(values: dict[bytes, bytes]) -> _Noted:
    return _Noted(
        subject=without_encoded_words(values.get(b"subject", b"")),
        message_id=text_of(values.get(b"message-id", b"")),
        date=None,
        mailboxes={name: _addresses(values.get(name, b"")) for name in _ADDRESS_FIELDS},
        defects=("the header is malformed",),
    )


def _of_further_fields(header: EntityHeader, name: bytes) -> tuple[Mailbox, ...]:
    """mail-parser reads the first field of a name; who is named in another one must not go unseen."""
    further = header.fields.get(name, [])[1:]
    return tuple(box for value in further for box in _addresses(_cut_addresses(value)))


def _addresses(value: bytes) -> tuple[Mailbox, ...]:
    try:
        found = getaddresses([text_of(value)])
    except Exception:  # its parser is known to stumble
        return ()
    return tuple(
        _mailbox(without_encoded_words(label.encode("utf-8", "replace")), address)
        for label, address in found
        if label or address
    )


def _mailboxes(found: object) -> tuple[Mailbox, ...]:
    pairs = found if isinstance(found, list) else []
    return tuple(
        _mailbox(str(pair[0] or ""), str(pair[1] or "")) for pair in pairs if len(pair) == 2 and any(pair)
    )


def _mailbox(name: str, address: str) -> Mailbox:
    return Mailbox(name=_line(name) or "", address=_line(address) or "")


def _string(value: object) -> str | None:
    """mail-parser gives a list where a field occurs twice, and an empty text where it does not occur."""
    if isinstance(value, list):
        return next((str(one) for one in value), None)
    return str(value) if value else None


def _decoded(subject: str | None) -> str | None:
    """With the encoded words undone that mail-parser leaves as they are, should one of them be broken."""
    return (
        without_encoded_words(subject.encode("utf-8", "replace")) if subject and "=?" in subject else subject
    )


def _line(text: str | None) -> str | None:
    """One line without control characters, None when nothing is left."""
    joined = " ".join(storable(text or "").split())[:MAX_CHARACTERS]
    if joined.isprintable():
        return joined or None
    return "".join(sign for sign in joined if unicodedata.category(sign) != "Cc").strip() or None


def _date(value: bytes | None) -> datetime | None:
    """RFC 5322 3.3 as forgivingly as the standard library reads it; a time without zone counts as UTC."""
    try:
        found = parsedate_to_datetime(text_of(value or b""))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _written(name: bytes) -> str:
    return "-".join(word.capitalize() for word in name.decode().split("-")).replace("-Id", "-ID")
