"""Undoes content transfer encodings (RFC 2045 6), however carelessly they were made."""

from __future__ import annotations

import binascii
import re
from itertools import islice
from typing import NamedTuple

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_ALPHABET) - set(b"="))
_PURE_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/=]++[ \t]*+[\r\n]*+)++")
# What a document begins with, as it is, where base64 was promised; the first octets are never base64.
_PLAIN_DOCUMENT = re.compile(rb"\s{0,100}(?:%PDF-|<\?xml|PK\x03\x04|\x89PNG)")
# The same in base64, where no encoding was declared: "%PDF-", "<?xml ", the same behind a byte order mark, a ZIP file.
_ENCODED_DOCUMENT = re.compile(rb"\s{0,100}(?:JVBERi0|PD94bWwg|77u/PD94bW|UEsDB)")
_EMPTY_LINE = re.compile(rb"\n[ \t]*+\r?\n")
_LONG_LINE = re.compile(rb"^[A-Za-z0-9+/]{40}", re.MULTILINE)
_FOOTER = "there is text behind the base64 of a part"
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\r\n]*\r?\n", re.MULTILINE)
_UU_LINE = re.compile(rb"([^\r\n]*)\r?\n?")
_MAX_RUNS = 10_000
_MAX_UU_LINES = 1_000_000  # each holds 45 octets
_UNENCODED = {"", "7bit", "8bit", "binary"}
_BARE_SOFT_BREAK = re.compile(rb"=\r(?!\r*\n)")


class Decoded(NamedTuple):
    """A part's content, and what stood behind its end."""

    content: bytes
    surplus: bytes = b""  # a mailing list's footer behind base64, for example
    defect: str | None = None


def decoded(content: bytes, encoding: str) -> Decoded:
    """The octets of a part; `encoding` in lower case. Those of an unknown encoding stay as they are. Never raises."""
    match encoding:
        case "base64":
            if _PLAIN_DOCUMENT.match(content):
                return Decoded(content, defect="a part is said to be base64 and is not encoded")
            return from_base64(content)
        case "quoted-printable":
            # Behind "=" and a CR alone the standard library drops all up to the next LF.
            return Decoded(binascii.a2b_qp(_BARE_SOFT_BREAK.sub(b"=\r\n", content)))
        case "x-uuencode" | "uuencode" | "uue" | "x-uue":
            return _uuencoded(content)
    if encoding in _UNENCODED:
        if _ENCODED_DOCUMENT.match(content) and _PURE_BASE64.fullmatch(content.strip()):
            return from_base64(content)._replace(defect="a part is base64 and does not say so")
        return Decoded(content)
    return Decoded(
        content, defect="a part has an unknown transfer encoding; its octets were kept as they are"
    )


def from_base64(content: bytes) -> Decoded:
    """RFC 2045 6.8: signs outside the alphabet do not count. Padding ends the content unless more base64 follows it."""
    end = content.find(b"=")
    if end < 0:
        return _unpadded(content)
    following = content[end:].lstrip(b"= \t\r\n")
    if not following:
        return Decoded(_run(content[:end]))
    if not _PURE_BASE64.fullmatch(following):
        return Decoded(_run(content[:end]), surplus=following, defect=_FOOTER)
    # Some senders encode piece by piece, each with its padding.
    if following.count(b"=") > _MAX_RUNS:
        return Decoded(_run(content[:end]) + _run(following.replace(b"=", b"")))
    return Decoded(_run(content[:end]) + b"".join(map(_run, following.split(b"="))))


def _unpadded(content: bytes) -> Decoded:
    """Content whose end no padding tells: behind an empty line, what has no long line of base64 is a footer."""
    begin = len(content) - len(content.lstrip())
    empty_line = _EMPTY_LINE.search(content, begin)
    following = content[empty_line.end() :] if empty_line else b""
    if following.strip() and not _PURE_BASE64.fullmatch(following) and not _LONG_LINE.search(following):
        return Decoded(_run(content[: len(content) - len(following)]), following, _FOOTER)
    return Decoded(_run(content))


def _run(run: bytes) -> bytes:
    """Octets of base64 that holds no padding."""
    try:
        # Padding behind a whole group does not count, so one try serves all but a last group of one sign.
        return binascii.a2b_base64(run + b"==")
    except binascii.Error:
        signs = run.translate(None, _NOT_BASE64)
        if len(signs) % 4 == 1:
            signs = signs[:-1]  # one sign holds no whole octet
        return binascii.a2b_base64(signs + b"=" * (-len(signs) % 4))


def _uuencoded(content: bytes) -> Decoded:
    begin = _UU_BEGIN.search(content)
    if begin is None:
        return Decoded(content, defect="a part is said to be uuencoded and is not")
    octets = bytearray()
    end = begin.end()
    for line in islice(_UU_LINE.finditer(content, begin.end()), _MAX_UU_LINES):
        end = line.end()
        signs = line[1].rstrip()
        if signs in (b"end", b"`", b""):
            break
        try:
            octets += _uu_line(signs)
        except binascii.Error:
            return Decoded(content, defect="a part is said to be uuencoded and is not")
    surplus = re.sub(rb"\A\s*end\s*", b"", content[end:], count=1)
    return Decoded(bytes(octets), surplus=content[: begin.start()] + surplus)


def _uu_line(signs: bytes) -> bytes:
    try:
        return binascii.a2b_uu(signs)
    except binascii.Error:
        # Some senders count the padding of a line wrongly; its first sign says how much there is.
        return binascii.a2b_uu(signs[: (((signs[0] - 32) & 63) * 4 + 5) // 3])
