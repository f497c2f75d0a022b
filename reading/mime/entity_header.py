"""Finds where the header of a mail or part ends, and its fields that matter here (RFC 5322 2.2), within bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from itertools import islice

MAX_METADATA_OCTETS = 256 * 1024
MAX_FIELDS = 2000
MAX_VALUE_OCTETS = 16 * 1024  # of a field that tells the structure
MAX_OF_A_NAME = 20  # fields
_TAIL_OCTETS = 64 * 1024

_STRUCTURE = rb"content-(?:type|transfer-encoding|disposition|id)"
_METADATA = (
    rb"from|to|reply-to|subject|date|message-id|x-invoice-environment"
    rb"|auto-submitted|list-id|list-post|precedence|x-invoices-mailbox"
)
_OF_A_MAIL = re.compile(
    rb"(?:^|\n)(?i:" + _METADATA + rb"|received|return-path|mime-version|" + _STRUCTURE + rb")[ \t]*+:"
)
_OF_A_PART = re.compile(rb"(?:^|\n)(?i:content-[a-z-]++)[ \t]*+:")
_VALUE = rb"[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)"
_STRUCTURE_FIELD = re.compile(rb"\n(?i:(" + _STRUCTURE + rb"))" + _VALUE)
_METADATA_FIELD = re.compile(rb"\n(?i:(" + _METADATA + rb"))" + _VALUE)
_FIELD_START = re.compile(rb"\n(?![ \t])")

_WELL_FORMED = re.compile(rb"(?:[!-9;-~]++[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+(?:\n|\Z))*+")
_SOME_FIELD = re.compile(rb"[A-Za-z][A-Za-z0-9-]*+[ \t]*+:")
_BLANK_LINE = re.compile(rb"\n\r*+\n")
_FIRST_LINE_BLANK = re.compile(rb"\r*+\n|\r(?!\n)")
_BLANK_LINES = re.compile(rb"(?:[ \t]*+\r*+\n)++")
_DELIMITER_LINE = re.compile(rb"^--(?=\S)", re.MULTILINE)  # RFC 2046 5.1.1; never a field
_MBOX_LINE = re.compile(rb">?From [^\n]*+\n")
_OLD_MAC_BLANK_LINE = re.compile(rb"\r\r(?![\r\n])")

_NO_HEADER = "there is no header where one should be"
_NO_EMPTY_LINE = "there is no empty line behind a header"


class EntityKind(Enum):
    """Whose header is read; it decides which fields are expected and kept."""

    MAIL = "mail"  # with its metadata
    ATTACHED_MAIL = "attached mail"
    PART = "part"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityHeader:
    """The header of a mail or part (an entity, RFC 2045 2.4)."""

    fields: dict[bytes, list[bytes]]  # by name in lower case; values unfolded
    body: int  # where the body begins
    defects: tuple[str, ...] = ()

    def first(self, name: bytes) -> bytes:
        """The value of the first field of a name, empty when there is none."""
        values = self.fields.get(name)
        return values[0] if values else b""


def read_entity_header(octets: bytes, start: int, end: int, kind: EntityKind) -> EntityHeader:
    """The structure fields of the entity in octets[start:end], and of a mail its metadata. Never raises."""
    known = _OF_A_PART
    if kind is not EntityKind.PART:
        start, known = _first_field(octets, start, end), _OF_A_MAIL
    header, body, defects = _block(octets, start, end, known)
    fields: dict[bytes, list[bytes]] = {}
    # Whatever the bounds, the structure is read: behind it are the parts, and they must not be lost.
    if _collect(fields, _STRUCTURE_FIELD, header, MAX_VALUE_OCTETS):
        defects.append("there are too many or too long Content fields in a header; some were cut")
    if kind is EntityKind.MAIL:
        header, cut = _capped(header)
        defects += cut
        if _collect(fields, _METADATA_FIELD, header, MAX_METADATA_OCTETS):
            defects.append(f"a field occurs more than {MAX_OF_A_NAME} times; the rest of them was not read")
    return EntityHeader(fields=fields, body=body, defects=tuple(defects))


def begins_like_a_mail(octets: bytes, start: int) -> bool:
    """Whether a field stands at octets[start], behind empty lines and an mbox line if need be."""
    begin = _first_field(octets, start, len(octets))
    return _SOME_FIELD.match(octets, begin) is not None


def _first_field(octets: bytes, start: int, end: int) -> int:
    """Behind empty lines and an mbox line, if fields follow them."""
    blank = _BLANK_LINES.match(octets, start, end)
    begin = blank.end() if blank else start
    mbox = _MBOX_LINE.match(octets, begin, end)
    if mbox:
        return mbox.end() if _SOME_FIELD.match(octets, mbox.end()) else start
    # Text may begin with a word and a colon, too.
    return begin if _OF_A_MAIL.match(octets[begin : begin + 100]) else start


def _block(octets: bytes, start: int, end: int, known: re.Pattern[bytes]) -> tuple[bytes, int, list[str]]:
    """The header with a line feed in front, where the body begins, and defects."""
    at_once = _FIRST_LINE_BLANK.match(octets, start, end)
    if at_once:
        return b"", at_once.end(), []
    blank = _BLANK_LINE.search(octets, start, end)
    header, body = (octets[start : blank.start() + 1], blank.end()) if blank else (octets[start:end], end)
    if b"\r" in header and (b"\n" not in header or _OLD_MAC_BLANK_LINE.search(header)):
        # Also where the line ends change within the header: it would swallow the whole mail.
        return _old_mac_block(octets, start, end, known)
    well_formed = _WELL_FORMED.match(header)
    good = well_formed.end() if well_formed else 0
    if good == len(header):
        return b"\n" + header, body, []
    # A line that is no field: some senders fold wrongly, others forget the empty line or the header.
    delimiter = _DELIMITER_LINE.search(header, good)
    if delimiter:
        return b"\n" + header[: delimiter.start()], start + delimiter.start(), [_NO_EMPTY_LINE]
    if known.search(header[good : good + _TAIL_OCTETS]):
        return b"\n" + header, body, ["the header has lines that are no fields"]
    if _is_header(header[:good], known):
        return b"\n" + header[:good], start + good, [_NO_EMPTY_LINE]
    return b"", start, [_NO_HEADER]


def _old_mac_block(
    octets: bytes, start: int, end: int, known: re.Pattern[bytes]
) -> tuple[bytes, int, list[str]]:
    """Lines that end in CR alone, as no mail should have them (RFC 5322 2.3)."""
    blank = _OLD_MAC_BLANK_LINE.search(octets, start, end)
    header, body = (octets[start : blank.start()], blank.end()) if blank else (octets[start:end], end)
    header = header.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not _is_header(header, known):
        return b"", start, [_NO_HEADER]
    return b"\n" + header, body, ["lines end in CR alone"]


def _is_header(header: bytes, known: re.Pattern[bytes]) -> bool:
    """Any field makes the header of a mail; a part may as well begin with text that has a colon."""
    if known is _OF_A_MAIL:
        return _SOME_FIELD.match(header) is not None
    return known.search(header[:_TAIL_OCTETS]) is not None


def _capped(header: bytes) -> tuple[bytes, list[str]]:
    """A header within bounds, and what was cut, in words."""
    defects = []
    if len(header) > MAX_METADATA_OCTETS:
        header = header[:MAX_METADATA_OCTETS]
        defects.append(f"the header is longer than {MAX_METADATA_OCTETS // 1024} KiB; the rest was not read")
    if header.count(b"\n") > MAX_FIELDS:
        following = next(islice(_FIELD_START.finditer(header), MAX_FIELDS, None), None)
        if following and following.end() < len(header):
            header = header[: following.start()]
            defects.append(f"the header has more than {MAX_FIELDS} fields; the rest was not read")
    return header, defects


def _collect(fields: dict[bytes, list[bytes]], pattern: re.Pattern[bytes], header: bytes, most: int) -> bool:
    """Adds the fields that match, the first ones of each name; whether something was cut."""
    was_cut = False
    for match in islice(pattern.finditer(header), MAX_FIELDS):
        of_this_name = fields.setdefault(match[1].lower(), [])
        if len(of_this_name) >= MAX_OF_A_NAME:
            was_cut = True
            continue
        was_cut = was_cut or match.end(2) - match.start(2) > most
        of_this_name.append(_unfolded(match[2][:most]))
    return was_cut


def _unfolded(value: bytes) -> bytes:
    """RFC 5322 2.2.3; NUL and lone CR are no part of a value (RFC 5322 4)."""
    return value.replace(b"\r\n", b"").replace(b"\n", b"").replace(b"\r", b" ").replace(b"\0", b"").strip()
