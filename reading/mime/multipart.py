"""Finds the parts of a multipart body and the text around them (RFC 2046 5.1), in one pass and without copies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MAX_GUESSED_OCTETS = 1024 * 1024
_MAX_IN_VAIN = (
    20_000  # lines that begin like a delimiter; more are an attack, and stay in the part before them
)
_CR = 13
_REST_OF_LINE = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\r|\Z)")
# A line that looks like a delimiter, with a part's header behind it.
_LIKELY_DELIMITER = re.compile(rb"(?:^|\n)--([^\r\n]{1,200}+)\r?\n(?i:content-[a-z-]{2,40}[ \t]*:)")


@dataclass(frozen=True, slots=True)
class Piece:
    """octets[start:end] between two delimiters; a part, or the text before, behind or between parts."""

    start: int
    end: int
    is_part: bool


@dataclass(frozen=True, slots=True)
class _Delimiter:
    start: int  # of the line end in front of it
    end: int  # behind its own line end
    closes: bool


def occurring_boundary(octets: bytes, start: int, end: int, declared: bytes) -> bytes | None:
    """The declared boundary in the form in which the body uses it; None if it does not occur."""
    for boundary in dict.fromkeys(_forms(declared)):
        if boundary and next(_delimiters(octets, start, end, boundary), None):
            return boundary
    return None


def likely_boundary(octets: bytes, start: int, end: int) -> bytes | None:
    """What must have been the boundary, where none is declared or it does not occur."""
    found = _LIKELY_DELIMITER.search(octets[start : min(end, start + _MAX_GUESSED_OCTETS)])
    return found[1].rstrip() or None if found else None


def pieces(octets: bytes, start: int, end: int, boundary: bytes) -> Iterator[Piece]:
    """octets[start:end] in order: preamble, parts, epilogue, and parts behind the closing delimiter."""
    begin, is_part = start, False
    for found in _delimiters(octets, start, end, boundary):
        yield Piece(begin, max(begin, found.start), is_part)
        begin, is_part = found.end, not found.closes
    yield Piece(begin, max(begin, end), is_part)


def _forms(declared: bytes) -> Iterator[bytes]:
    """As declared; then as careless senders mean it: folded, in single quotes, with something behind it."""
    yield declared.rstrip()
    if re.search(rb"\s", declared):
        yield re.sub(rb"\s+", b"", declared)
        yield re.sub(rb"\s+", b" ", declared).strip()
        yield declared.split()[0] if declared.split() else b""
    yield declared.strip(b"'")


def _delimiters(octets: bytes, start: int, end: int, boundary: bytes) -> Iterator[_Delimiter]:
    line_end = _line_end(octets, start, end)
    dashed = b"--" + boundary
    if octets.startswith(dashed, start, end):
        found = _delimiter(octets, start, start + len(dashed), end)
        if found:
            yield found
    in_vain = 0
    # With the line end in front the search takes linear time, whatever the boundary is.
    at = octets.find(line_end + dashed, start, end)
    while at >= 0 and in_vain < _MAX_IN_VAIN:
        behind = at + 1 + len(dashed)
        if line_end == b"\n" and at > start and octets[at - 1] == _CR:
            at -= 1  # it belongs to the delimiter as well (RFC 2046 5.1.1)
        found = _delimiter(octets, at, behind, end)
        if found:
            yield found
        else:
            in_vain += 1
        at = octets.find(line_end + dashed, behind, end)


def _delimiter(octets: bytes, start: int, behind_boundary: int, end: int) -> _Delimiter | None:
    """The delimiter whose line holds nothing more; the boundary may be the beginning of another one."""
    found = _REST_OF_LINE.match(octets, behind_boundary, end)
    return _Delimiter(start, found.end(), closes=bool(found[1])) if found else None


def _line_end(octets: bytes, start: int, end: int) -> bytes:
    """What ends a line: LF, behind CR or not; CR alone where there is no LF at all."""
    return b"\n" if octets.find(b"\n", start, end) >= 0 else b"\r"
