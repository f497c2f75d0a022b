"""Takes the octets of a mail apart into its leaf parts (RFC 2045, RFC 2046); nothing of the content vanishes.

By code of our own, on offsets into the octets: parsers that follow the rules lose, in silence, what breaks them, and
copy the rest of the mail at every level.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from reading.mime.entity_header import (
    EntityHeader,
    EntityKind,
    begins_like_a_mail,
    read_entity_header,
)
from reading.mime.field_parameters import octets_parameter, parameters
from reading.mime.leaves import Leaves
from reading.mime.media_types import OCTETS, declared_type, media_type
from reading.mime.multipart import likely_boundary, occurring_boundary, pieces
from reading.mime.transfer_decoding import decoded
from storage.records.reading import PartRole

MAX_DEPTH = 100  # parts within parts
MAX_LEAVES = 10_000
MAX_PIECES = 3 * MAX_LEAVES  # with the empty ones, and the text between parts
MAX_SEARCHED_OCTETS = 512 * 1024**2  # all levels together; some 15 levels of the largest mail
MAX_STRAY_OCTETS = 200  # "This is a multi-part message in MIME format" is shorter
_IN_VAIN = 5  # so many searches it takes to find that a boundary does not occur
_DECODING = 4  # a search is so much quicker

_MAILS = {"message/rfc822", "message/global", "message/news"}
_ENCODINGS = {"base64", "quoted-printable"}
_ENCODING = re.compile(rb"[\s\"]*([a-z0-9-]+)")
# Headers of parts outside the parts, and documents as they are, in base64 or uuencoded.
_LOST_PART = re.compile(rb"\s*content-(?:type|transfer-encoding|disposition)[ \t]*:", re.IGNORECASE)
_DOCUMENT = re.compile(rb"%PDF-|<\?xml|JVBERi0|PD94bWwg|UEsDB|(?:^|\n)begin [0-7]{3,4} ")

TOO_DEEP = "the parts are nested too deeply; what lies deeper was kept in one piece"
TOO_MANY = "the mail has too many parts; the rest was kept in one piece"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an entity stands in the mail."""

    path: str = ""  # of a mail: empty, or that of the part it is attached as and a slash
    depth: int = 0
    within: str = ""  # type of the multipart around it
    kind: EntityKind = EntityKind.MAIL

    def child(self, number: int, within: str) -> _Place:
        joint = "." if self.path and not self.path.endswith("/") else ""
        path = f"{self.path}{joint}{number}"
        return _Place(path=path, depth=self.depth + 1, within=within, kind=EntityKind.PART)

    def attached_mail(self) -> _Place:
        return _Place(path=f"{self.leaf_path()}/", depth=self.depth + 1, kind=EntityKind.ATTACHED_MAIL)

    def leaf_path(self) -> str:
        return f"{self.path}1" if not self.path or self.path.endswith("/") else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """octets[start:end] of the mail, or of something in it whose encoding was undone."""

    octets: bytes
    start: int
    end: int

    def content(self) -> bytes:
        return self.octets[self.start : self.end]


class LeafParts:
    """Takes one mail apart."""

    def __init__(self) -> None:
        self.found = Leaves()
        self.defects: dict[str, None] = {}  # each once, in their order
        self._searched = 0
        self._pieces = 0
        self._rest: int | None = None  # where it begins, once there are too many parts

    def take(self, octets: bytes) -> EntityHeader:
        """Takes a whole mail apart; returns its header. To be called once. Never raises."""
        header = read_entity_header(octets, 0, len(octets), EntityKind.MAIL)
        if octets.strip():
            self._entity(header, _whole(octets), _Place())
        self._keep_rest(octets)
        return header

    def _part(self, span: _Span, place: _Place) -> None:
        if not self._is_full(span):
            header = read_entity_header(span.octets, span.start, span.end, place.kind)
            self._entity(header, span, place)

    def _entity(self, header: EntityHeader, span: _Span, place: _Place) -> None:
        self._note(*header.defects)
        body = replace(span, start=header.body)
        declared = self._declared_type(header, place)
        is_mail = declared in _MAILS
        if not is_mail and not declared.startswith("multipart/"):
            self._leaf(header, body, declared, place)
        elif place.depth > MAX_DEPTH or self._searched > MAX_SEARCHED_OCTETS:
            self._note(TOO_DEEP)
            self.found.add_raw(span.content(), declared=declared, path=place.leaf_path())
        elif is_mail:
            self._attached_mail(header, body, declared, place)
        else:
            self._multipart(header, body, declared, place)

    def _declared_type(self, header: EntityHeader, place: _Place) -> str:
        types = [declared_type(value) for value in header.fields.get(b"content-type", ())]
        if not types:
            return "message/rfc822" if place.within == "multipart/digest" else "text/plain"  # RFC 2046 5.1.5
        if len(types) > 1:
            self._note("a header has more than one Content-Type field")
        # Readers differ in which one they take; the one that may hold parts hides nothing.
        return next((one for one in types if one.startswith("multipart/")), types[0])

    # Multiparts (RFC 2046 5.1)

    def _multipart(self, header: EntityHeader, body: _Span, declared: str, place: _Place) -> None:
        self._searched += body.end - body.start
        boundary = self._boundary(header, body)
        if boundary is None:
            self._without_boundary(header, body, declared, place)
        elif not self._take_pieces(body, boundary, declared, place) and body.content().strip():
            self._note("a multipart has no parts")
            self._unclassified(header, body.content(), declared, place)

    def _take_pieces(self, body: _Span, boundary: bytes, declared: str, place: _Place) -> bool:
        """Whether anything was there to be kept."""
        number, is_any_kept = 0, False
        for piece in pieces(body.octets, body.start, body.end, boundary):
            span = replace(body, start=piece.start, end=piece.end)
            self._pieces += 1
            if self._is_full(span):
                return True
            if piece.is_part:
                number += 1
                if piece.start < piece.end:
                    self._part(span, place.child(number, declared))
                    is_any_kept = True
            elif _is_stray(span):
                number += piece.start > body.start  # a preamble has number 0
                self._stray(span, place.child(number, declared))
                is_any_kept = True
        return is_any_kept

    def _boundary(self, header: EntityHeader, body: _Span) -> bytes | None:
        values = [
            one for one in header.fields[b"content-type"] if declared_type(one).startswith("multipart/")
        ]
        for value in values[:2]:
            declared = octets_parameter(parameters(value), b"boundary")
            found = occurring_boundary(body.octets, body.start, body.end, declared)
            if found:
                return found
            self._searched += _IN_VAIN * (body.end - body.start)
        guessed = likely_boundary(body.octets, body.start, body.end)
        if guessed:
            self._note("a multipart does not name its boundary, or a wrong one; it was taken from the text")
        return guessed

    def _without_boundary(self, header: EntityHeader, body: _Span, declared: str, place: _Place) -> None:
        encoding = _encoding(header)
        content = decoded(body.content(), encoding).content
        if encoding in _ENCODINGS and self._boundary(header, _whole(content)):  # which RFC 2045 6.4 forbids
            self._note("a multipart is encoded as a whole")
            self._multipart(header, _whole(content), declared, place)
            self._keep_rest(content)
            return
        self._note("a multipart has no boundary that occurs in it")
        self._unclassified(header, content, declared, place)

    def _stray(self, span: _Span, place: _Place) -> None:
        """Text outside the parts; a part if it looks like one that lacks its delimiter."""
        self._note("there is text outside the parts of a multipart")
        if _LOST_PART.match(span.octets, span.start, span.end):
            begin = span.end - len(span.content().lstrip())
            self._part(replace(span, start=begin), place)
        else:
            self.found.add_raw(span.content(), declared="text/plain", path=place.path)

    # Attached mails (RFC 2046 5.2.1)

    def _attached_mail(self, header: EntityHeader, body: _Span, declared: str, place: _Place) -> None:
        encoding = _encoding(header)
        # No encoding is allowed here; gateways use one all the same, or only say so.
        if encoding not in _ENCODINGS or (
            encoding == "base64" and begins_like_a_mail(body.octets, body.start)
        ):
            if _is_mail(body, declared):
                self._part(body, place.attached_mail())
            else:
                self._leaf(header, body, declared, place)
            return
        undone = decoded(body.content(), encoding)
        inner = _whole(undone.content)
        self._searched += _DECODING * len(undone.content)
        if not _is_mail(inner, declared):
            self._leaf(header, body, declared, place)
            return
        self._part(inner, place.attached_mail())
        self._keep_rest(undone.content)
        self._surplus(undone.surplus, place)

    # Leaf parts

    def _leaf(self, header: EntityHeader, body: _Span, declared: str, place: _Place) -> None:
        undone = decoded(body.content(), _encoding(header))
        if undone.defect:
            self._note(undone.defect)
        path = place.leaf_path()
        self.found.add(header, undone.content, declared=declared, path=path, within=place.within)
        self._surplus(undone.surplus, place)

    def _unclassified(self, header: EntityHeader, content: bytes, declared: str, place: _Place) -> None:
        path, role = place.leaf_path(), PartRole.UNCLASSIFIED
        self.found.add(header, content, declared=declared, path=path, within=place.within, role=role)

    def _surplus(self, surplus: bytes, place: _Place) -> None:
        """What stands behind the encoded content of a part, if it is more than a mailing list's footer."""
        if len(surplus.strip()) > MAX_STRAY_OCTETS or _DOCUMENT.search(surplus):
            self.found.add_raw(surplus, declared="text/plain", path=f"{place.leaf_path()}.0")

    # Bounds

    def _is_full(self, span: _Span) -> bool:
        if self._rest is None and (len(self.found) >= MAX_LEAVES or self._pieces > MAX_PIECES):
            self._rest = span.start
        return self._rest is not None

    def _keep_rest(self, octets: bytes) -> None:
        """One leaf for all that was not taken apart, of the mail and of each thing whose encoding was undone."""
        if self._rest is not None:
            self._note(TOO_MANY)
            self.found.add_raw(octets[self._rest :], declared=OCTETS, path=f"rest-{len(self.found)}")
            self._rest = None

    def _note(self, *defects: str) -> None:
        self.defects.update(dict.fromkeys(defects))


def _whole(octets: bytes) -> _Span:
    return _Span(octets=octets, start=0, end=len(octets))


def _is_stray(span: _Span) -> bool:
    """Whether text outside the parts is more than a line for readers without MIME."""
    content = span.content().strip()
    return len(content) > MAX_STRAY_OCTETS or _DOCUMENT.search(content) is not None


def _is_mail(span: _Span, declared: str) -> bool:
    """Whether it is the mail that it is declared to be, not a document that its content tells."""
    head = span.octets[span.start : min(span.end, span.start + 2048)]
    if begins_like_a_mail(span.octets, span.start):
        return True
    return bool(head.strip()) and media_type(head, declared) == declared


def _encoding(header: EntityHeader) -> str:
    found = _ENCODING.match(header.first(b"content-transfer-encoding").lower())
    return found[1].decode() if found else ""
