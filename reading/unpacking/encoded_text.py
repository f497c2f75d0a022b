"""Finds files that are written into the text of a mail: uuencode (POSIX) and yEnc."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from reading.unpacking.opened import Budget, Opened, Packed, collected

_UU = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n", re.MULTILINE)
_UU_END = re.compile(rb"^[` ]?\r?\nend[ \t]*\r?$", re.MULTILINE)
_YENC = re.compile(rb"^=ybegin [^\r\n]*?name=([^\r\n]{1,255})\r?\n(?:=ypart [^\r\n]*\r?\n)?", re.MULTILINE)
_YENC_END = re.compile(rb"^=yend ", re.MULTILINE)
_LINE_END = re.compile(rb"\r?\n")
_UNSHIFT = bytes((one - 42) % 256 for one in range(256))
_UNSHIFT_ESCAPED = bytes((one - 64 - 42) % 256 for one in range(256))


def holds_files(text: bytes) -> bool:
    """Whether a text may have such a file in it; quick."""
    return (b"begin " in text and _UU.search(text) is not None) or b"=ybegin " in text


def open_text(text: bytes, budget: Budget) -> Opened:
    """The files in a text. Never raises."""
    return collected(_files(text, budget), broken=lambda _: "a file in the text is damaged")


def _files(text: bytes, budget: Budget) -> Iterator[Packed]:
    for opening, ending, decode in ((_UU, _UU_END, _uudecoded), (_YENC, _YENC_END, _ydecoded)):
        at = 0
        while begun := opening.search(text, at):
            ended = ending.search(text, begun.end())
            if ended is None:
                if decode is _uudecoded:
                    break  # a sentence may begin with the word
                raise ValueError("cut off")
            content = decode(text[begun.end() : ended.start()])
            at = ended.end()
            if content:
                budget.take_file()
                budget.take(len(content))
                yield Packed(begun[1].decode("utf-8", "replace").strip(), content)


def _uudecoded(lines: bytes) -> bytes:
    content = bytearray()
    for line in _LINE_END.split(lines):
        if not line:
            continue
        try:
            content += binascii.a2b_uu(line)
        except binascii.Error:
            # Some encoders pad too much; the length in the first sign decides.
            length = ((line[0] - 32) & 63) * 4 // 3 + 2
            content += binascii.a2b_uu(line[:length])
    return bytes(content)


def _ydecoded(lines: bytes) -> bytes:
    joined = lines.replace(b"\r", b"").replace(b"\n", b"")
    first, *escaped = joined.split(b"=")
    content = bytearray(first.translate(_UNSHIFT))
    for piece in escaped:
        content += piece[:1].translate(_UNSHIFT_ESCAPED) + piece[1:].translate(_UNSHIFT)
    return bytes(content)
