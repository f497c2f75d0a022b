"""From the octets of a mail to its sender metadata and every leaf part (RFC 2045, RFC 2046); nothing vanishes.

The structure is taken apart by code of our own: parsers that follow the rules lose, in silence, what breaks them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import Message as Fields
from email.utils import collapse_rfc2231_value
from itertools import islice
from typing import NamedTuple

from ingest.processing import mail_header
from ingest.processing.file_names import Names, safe_name
from ingest.processing.mail_header import read_header, split_header
from ingest.processing.media_types import media_type
from ingest.processing.transfer_encoding import decoded
from storage.records import Mailbox, PartRole

MAX_DEPTH = 50
MAX_PARTS = 10_000
MAX_STRAY_OCTETS = 200  # "This is a multi-part message in MIME format" is shorter

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_LINE_END = rb"(?:\r\n|\n|\r(?!\n))"
_BEHIND_BOUNDARY = re.compile(rb"(--)?[ \t]*(?=" + _LINE_END + rb"|\Z)")
_MAILS = {"message/rfc822", "message/global"}
_SHOWN = {"text/css", "font/woff", "font/woff2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A part that holds no other parts."""

    path: str  # position, "2.1"; inside an attached mail "2/1.3"
    name: str  # safe, never empty, unique within the mail
    declared_type: str
    media_type: str  # by content where the content tells
    content: bytes  # transfer encoding undone
    content_id: str | None
    role: PartRole  # body, inline, attachment or unclassified


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMail:
    """A mail's metadata and all its leaf parts."""

    message_id: str | None
    subject: str | None
    date: datetime | None
    from_: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    environment_sign: str | None
    defects: tuple[str, ...]
    leaves: tuple[Leaf, ...]


def parse_mail(octets: bytes) -> ParsedMail:
    """Takes a mail apart. Never raises, whatever the octets are."""
    header, body = split_header(octets)
    metadata = read_header(header)
    inventory = _Inventory()
    if octets.strip():
        inventory.entity(header, body, path="", depth=0)
    return ParsedMail(
        message_id=metadata.message_id,
        subject=metadata.subject,
        date=metadata.date,
        from_=metadata.from_,
        reply_to=metadata.reply_to,
        to=metadata.to,
        environment_sign=metadata.environment_sign,
        defects=(*metadata.defects, *dict.fromkeys(inventory.defects)),
        leaves=tuple(inventory.leaves),
    )


class _Inventory:
    """Collects the leaf parts of one mail."""

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.defects: list[str] = []
        self._names = Names()

    def entity(self, header: bytes, body: bytes, *, path: str, depth: int, related: bool = False) -> None:
        """Takes a mail or a part; `path` is empty for a mail at the top of its numbering."""
        header, cut = mail_header.capped(header)
        if depth:
            self.defects += cut
        fields = mail_header.fields_of(header)
        declared = _declared_type(fields)
        if len(self.leaves) >= MAX_PARTS or depth > MAX_DEPTH:
            self.defects.append("the mail has too many parts or levels; the rest was kept in one piece")
            self._add(fields, body, path, declared, PartRole.UNCLASSIFIED)
        elif declared.startswith("multipart/"):
            self._multipart(fields, body, path, declared, depth)
        elif declared in _MAILS:
            content = decoded(body, _encoding(fields))
            inner_header, inner_body = split_header(content)
            self.entity(inner_header, inner_body, path=f"{path or '1'}/", depth=depth + 1)
        else:
            self._add(fields, decoded(body, _encoding(fields)), path, declared, None, related=related)

    def _multipart(self, fields: Fields, body: bytes, path: str, declared: str, depth: int) -> None:
        pieces = _pieces(fields, body)
        if pieces is None:
            self.defects.append("a multipart has no boundary that occurs in it")
            self._add(fields, body, path, declared, PartRole.UNCLASSIFIED)
            return
        preamble, parts, epilogue = pieces
        prefix = f"{path}." if path and not path.endswith("/") else path
        if parts:
            self._stray(preamble, f"{prefix}0")
        for number, part in enumerate(parts, start=1):
            if len(self.leaves) >= MAX_PARTS:
                self.defects.append("the mail has too many parts or levels; the rest was kept in one piece")
                rest = b"\r\n".join(parts[number - 1 :])
                self._add(fields, rest, f"{prefix}{number}", declared, PartRole.UNCLASSIFIED)
                break
            header, content = _part(part)
            related = declared == "multipart/related"
            self.entity(header, content, path=f"{prefix}{number}", depth=depth + 1, related=related)
        if parts:
            self._stray(epilogue, f"{prefix}{len(parts) + 1}")
        else:
            self.defects.append("a multipart has no parts")
            self._add(fields, body, path, declared, PartRole.UNCLASSIFIED)

    def _stray(self, octets: bytes, path: str) -> None:
        """Text outside the parts of a multipart is a leaf where it is more than a line for old readers."""
        if len(octets.strip()) > MAX_STRAY_OCTETS:
            self.defects.append("there is text outside the parts of a multipart")
            self._add(Fields(), octets, path, "text/plain", PartRole.UNCLASSIFIED)

    def _add(
        self,
        fields: Fields,
        content: bytes,
        path: str,
        declared: str,
        role: PartRole | None,
        *,
        related: bool = False,
    ) -> None:
        path = path + "1" if not path or path.endswith("/") else path
        found = media_type(content, declared)
        given = _file_name(fields)
        leaf = Leaf(
            path=path,
            name=self._names.unique(safe_name(given, path, found)),
            declared_type=declared,
            media_type=found,
            content=content,
            content_id=(fields["Content-ID"] or "").strip("<> \r\n\t") or None,
            role=role or PartRole.ATTACHMENT,
        )
        self.leaves.append(leaf if role else replace(leaf, role=_role(leaf, fields, given, related=related)))


def _role(leaf: Leaf, fields: Fields, given: str | None, *, related: bool) -> PartRole:
    disposition = _disposition(fields)
    if leaf.media_type in ("application/pdf", "application/xml"):
        return PartRole.ATTACHMENT
    if leaf.media_type in ("text/plain", "text/html") and disposition != "attachment" and not given:
        return PartRole.BODY
    shown = leaf.media_type.startswith("image/") or leaf.media_type in _SHOWN
    if shown and disposition != "attachment" and (leaf.content_id or related or disposition == "inline"):
        return PartRole.INLINE
    return PartRole.ATTACHMENT


def _pieces(fields: Fields, body: bytes) -> tuple[bytes, list[bytes], bytes] | None:
    """Preamble, parts and epilogue; parts behind the closing delimiter count as well (RFC 2046 5.1.1)."""
    for boundary in _boundaries(fields):
        found = list(islice(_delimiters(body, boundary), MAX_PARTS + 2))
        if found:
            ends = [one.start for one in found[1:]] + [len(body)]
            between = [(one, body[one.end : end]) for one, end in zip(found, ends, strict=True)]
            parts = [octets for one, octets in between if not one.closes]
            behind = [octets for one, octets in between if one.closes]
            return body[: found[0].start], parts, b"".join(behind)
    return None


class _Delimiter(NamedTuple):
    """A delimiter line; the line end before it belongs to it (RFC 2046 5.1.1)."""

    start: int
    end: int
    closes: bool


def _delimiters(body: bytes, boundary: bytes) -> Iterator[_Delimiter]:
    # Found by the boundary itself: a regular expression that begins with a line end is twenty times slower.
    marker = b"--" + boundary
    at = body.find(marker)
    while at >= 0:
        rest = _BEHIND_BOUNDARY.match(body, at + len(marker))
        if rest is not None and (at == 0 or body[at - 1] in b"\r\n"):
            line_end = 2 if body[max(0, at - 2) : at] == b"\r\n" else min(at, 1)
            yield _Delimiter(at - line_end, rest.end(), bool(rest[1]))
        at = body.find(marker, at + len(marker))


def _boundaries(fields: Fields) -> Iterator[bytes]:
    """The declared boundary; one that was folded over lines, with the white space of the fold and without."""
    value = _parameter(fields, "boundary")
    if not value:
        return
    octets = value.encode("utf-8", "replace")
    yield octets.rstrip()
    if re.search(rb"\s", octets):
        yield re.sub(rb"[\r\n]+", b"", octets).rstrip()
        yield re.sub(rb"[\r\n]+[ \t]*", b"", octets).rstrip()
        yield re.sub(rb"\s+", b"", octets)


def _part(octets: bytes) -> tuple[bytes, bytes]:
    """Header and content of a part; it begins with the line end of its delimiter, and may have no header."""
    return split_header(re.sub(rb"\A" + _LINE_END, b"", octets, count=1))


def _declared_type(fields: Fields) -> str:
    value = fields["Content-Type"]
    if value is None:
        return "text/plain"  # RFC 2045 5.2
    declared = str(value).partition(";")[0].strip().lower()
    return declared if _TYPE.fullmatch(declared) else "application/octet-stream"


def _encoding(fields: Fields) -> str:
    value = str(fields["Content-Transfer-Encoding"] or "")
    return value.partition(";")[0].split("(")[0].strip().lower()


def _disposition(fields: Fields) -> str:
    return str(fields["Content-Disposition"] or "").partition(";")[0].strip().lower()


def _file_name(fields: Fields) -> str | None:
    """The name in Content-Disposition (RFC 2183), else in Content-Type; encoded in any of the usual ways."""
    for field, parameter in (("Content-Disposition", "filename"), ("Content-Type", "name")):
        value = _parameter(fields, parameter, field)
        if value:
            return mail_header.decoded_words(value)
    return None


def _parameter(fields: Fields, name: str, field: str = "Content-Type") -> str | None:
    try:
        value = fields.get_param(name, header=field)
        return collapse_rfc2231_value(value) if value is not None else None
    except (ValueError, LookupError, TypeError, AssertionError):
        return None  # the standard library stumbles over some RFC 2231 forms
