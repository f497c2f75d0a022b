"""Reads the parameters of structured fields such as Content-Type (RFC 2045 5.1, RFC 2231), in one pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from urllib.parse import unquote_to_bytes

from reading.mime.charsets import text_of
from reading.mime.encoded_words import without_encoded_words

MAX_PARAMETERS = 50  # of one field

_PARAMETER = re.compile(rb';\s*+([^\s=;"]++)\s*+=\s*+(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|([^;]*+))', re.DOTALL)
_SEGMENT = re.compile(rb"(.+?)\*(\d{1,3})?(\*)?", re.DOTALL)  # RFC 2231 3: name*0*


def parameters(value: bytes) -> dict[bytes, bytes]:
    """The parameters of a value as written, without quotes; names in lower case, the first of each."""
    found: dict[bytes, bytes] = {}
    for match in islice(_PARAMETER.finditer(value), MAX_PARAMETERS):
        name, quoted, plain = match.groups()
        # No other sign is unescaped: old senders write paths of Windows here.
        written = plain.strip().strip(b'"') if quoted is None else quoted
        found.setdefault(name.lower(), written.replace(b'\\"', b'"').replace(b"\\\\", b"\\"))
    return found


def octets_parameter(found: Mapping[bytes, bytes], name: bytes) -> bytes:
    """A parameter's octets, also where it is in pieces (RFC 2231 3); empty when there is none."""
    octets, _charset = _joined(found, name)
    return octets if octets is not None else found.get(name, b"")


def text_parameter(found: Mapping[bytes, bytes], name: bytes) -> str | None:
    """A parameter as text, in any of the ways it may be encoded: RFC 2231 first, then RFC 2047, then 8-bit."""
    octets, charset = _joined(found, name)
    if charset:
        return text_of(octets or b"", charset) or None
    return without_encoded_words(found.get(name, b"") if octets is None else octets) or None


def _joined(found: Mapping[bytes, bytes], name: bytes) -> tuple[bytes | None, str]:
    """Octets and charset of a parameter that RFC 2231 encodes or cuts in pieces; None when it is no such one."""
    segments: dict[int, tuple[bytes, bool]] = {}
    for key, value in found.items():
        match = _SEGMENT.fullmatch(key) if b"*" in key else None
        if match and match[1] == name:
            # "name*" is "name*0*" in one piece.
            segments.setdefault(int(match[2] or 0), (value, bool(match[3]) or match[2] is None))
    if not segments:
        return None, ""
    charset = b""
    (first, is_encoded), *rest = [segments[number] for number in sorted(segments)]
    if is_encoded and first.count(b"'") >= 2:
        charset, _language, first = first.split(b"'", 2)
    pieces = [(first, is_encoded), *rest]
    octets = b"".join(unquote_to_bytes(value) if encoded else value for value, encoded in pieces)
    return octets, charset.decode("ascii", "replace")
