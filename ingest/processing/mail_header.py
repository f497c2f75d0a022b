"""Reads the sender metadata of a mail's header (RFC 5322 3.6), within bounds whatever the header is like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message as Fields
from email.parser import HeaderParser
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime

import mailparser

from storage.records import Mailbox

MAX_HEADER_OCTETS = 256 * 1024
MAX_FIELDS = 2000
MAX_FIELD_OCTETS = 16 * 1024  # parsers take seconds for longer ones
MAX_ADDRESSES = 500
MAX_CHARACTERS = 2000  # of a subject or a name

_FIELD_START = re.compile(rb"^(?=[^\s:]+[ \t]*:)", re.MULTILINE)
_STRUCTURE = re.compile(
    rb"(?i)(?:content-|mime-version)"
)  # fields that speak of the body, which is not there
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))[ \t]*(?:\r\n|\n|\r)|\A(?:\r\n|\n|\r)")
_FIRST_LINE = re.compile(
    rb"(?:>?From [^\r\n]*(?:\r\n|\n))?[ \t]*[^\s:]+[ \t]*:"
)  # an mbox may have left its mark
_FIELD_NAME = re.compile(rb"([^\s:]+)[ \t]*:")
_STRAY_LINE = re.compile(rb"^(?![ \t]|[^\s:]+[ \t]*:)(?=.)", re.MULTILINE)
_DELIMITER_LINE = re.compile(rb"^--(?=\S)", re.MULTILINE)
_PARSER = HeaderParser(policy=compat32)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHeader:
    """What a mail says of itself."""

    message_id: str | None = None
    subject: str | None = None
    date: datetime | None = None
    from_: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    environment_sign: str | None = None
    defects: tuple[str, ...] = ()


def split_header(entity: bytes) -> tuple[bytes, bytes]:
    """Header and body of a mail or a part, without the empty line between them (RFC 5322 2.1).

    What does not begin with a field has no header; where the empty line is missing, the first line that is
    neither a field nor a continuation begins the body. A delimiter (RFC 2046 5.1.1) never stands in a header.
    """
    if not _FIRST_LINE.match(entity):
        empty_line = _BLANK_LINE.match(entity)
        return b"", entity[empty_line.end() :] if empty_line else entity
    found = _BLANK_LINE.search(entity)
    delimiter = _DELIMITER_LINE.search(entity, 0, found.start() if found else len(entity))
    if delimiter is not None:
        return entity[: delimiter.start()], entity[delimiter.start() :]
    if found is not None:
        return entity[: found.start()], entity[found.end() :]
    stray = _STRAY_LINE.search(entity, _FIRST_LINE.match(entity).end())  # type: ignore[union-attr]  # matched above
    return (entity, b"") if stray is None else (entity[: stray.start()], entity[stray.start() :])


def capped(header: bytes) -> tuple[bytes, list[str]]:
    """A header that no parser stumbles over or takes long for, and what was mended or cut, in words."""
    defects = []
    if len(header) > MAX_HEADER_OCTETS:
        header = header[:MAX_HEADER_OCTETS]
        header = header[: header.rfind(b"\n") + 1] or header
        defects.append(
            f"the header is longer than {MAX_HEADER_OCTETS // 1024} KiB; the rest of it was not read"
        )
    fields = [field for field in _FIELD_START.split(header.lstrip(b" \t")) if _FIELD_NAME.match(field)]
    if len(fields) > MAX_FIELDS:
        fields = fields[:MAX_FIELDS]
        defects.append(f"the header has more than {MAX_FIELDS} fields; the rest of them was not read")
    if any(len(field) > MAX_FIELD_OCTETS for field in fields):
        fields = [_shortened(field) for field in fields]
        defects.append(f"a header field is longer than {MAX_FIELD_OCTETS // 1024} KiB; it was cut")
    mended = [_STRAY_LINE.sub(b" ", _FIELD_NAME.sub(rb"\1:", field, count=1)) for field in fields]
    if mended != fields:
        defects.append("the header has lines that are no fields")
    return b"".join(mended), defects


def _shortened(field: bytes) -> bytes:
    if len(field) <= MAX_FIELD_OCTETS:
        return field
    return field[:MAX_FIELD_OCTETS].rstrip(b"\r\n") + b"\r\n"


def fields_of(header: bytes) -> Fields:
    """The fields of a header that is capped. Never raises."""
    text = "".join(_text(field) for field in _FIELD_START.split(header))
    return _PARSER.parsestr(text + "\r\n\r\n")


def _text(field: bytes) -> str:
    """8-bit signs in a header are UTF-8 (RFC 6532) or, from old senders, Latin-1."""
    try:
        return field.decode("utf-8")
    except UnicodeDecodeError:
        return field.decode("latin-1")


def read_header(header: bytes) -> MailHeader:
    """The metadata of a mail's header. Never raises."""
    header, defects = capped(header)
    fields = fields_of(header)
    try:
        own = b"".join(field for field in _FIELD_START.split(header) if not _STRUCTURE.match(field))
        parsed = mailparser.parse_from_bytes(own + b"\r\n\r\n")
        subject = _first(parsed.subject)
        from_, reply_to, to = _mailboxes(parsed.from_), _mailboxes(parsed.reply_to), _mailboxes(parsed.to)
        defects += [f"mail-parser notes: {category}" for category in sorted(parsed.defects_categories)]
    except Exception:
        defects.append("the header is malformed")
        subject = decoded_words(fields["Subject"])
        from_, reply_to, to = (_addresses(fields, name) for name in ("From", "Reply-To", "To"))
    date = _date(fields["Date"])
    if fields["Date"] is not None and date is None:
        defects.append("the Date field is no date")
    for name in ("From", "Subject", "Message-ID", "Date"):
        if len(fields.get_all(name, [])) > 1:
            defects.append(f"the header has more than one {name} field")
    return MailHeader(
        message_id=_short(_raw(fields["Message-ID"])),
        subject=_short(subject),
        date=date,
        from_=from_,
        reply_to=reply_to,
        to=to,
        environment_sign=_short(_raw(fields["X-Invoice-Environment"])),
        defects=tuple(defects),
    )


def _first(value: object) -> str | None:
    """mail-parser gives a list where a field occurs twice."""
    if isinstance(value, list):
        return next((_first(one) for one in value), None)
    return str(value) if value else None


def _mailboxes(found: object) -> tuple[Mailbox, ...]:
    pairs = [
        one for one in (found if isinstance(found, list) else []) if isinstance(one, tuple) and len(one) == 2
    ]
    return tuple(
        Mailbox(name=_short(str(name or "")) or "", address=_short(str(address or "")) or "")
        for name, address in pairs[:MAX_ADDRESSES]
        if name or address
    )


def _addresses(fields: Fields, name: str) -> tuple[Mailbox, ...]:
    values = [str(value) for value in fields.get_all(name, [])]
    found = getaddresses(values)[:MAX_ADDRESSES]
    return tuple(
        Mailbox(name=decoded_words(label) or "", address=address)
        for label, address in found
        if label or address
    )


def decoded_words(value: object) -> str | None:
    """Encoded words (RFC 2047) undone where they can be."""
    if value is None:
        return None
    try:
        return str(make_header(decode_header(str(value))))
    except (ValueError, LookupError, AssertionError):
        return str(value)


def _raw(value: object) -> str | None:
    return " ".join(str(value).split()) or None if value is not None else None


def _short(text: str | None) -> str | None:
    return " ".join(text.split())[:MAX_CHARACTERS] if text else None


def _date(value: object) -> datetime | None:
    try:
        found = parsedate_to_datetime(str(value))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
