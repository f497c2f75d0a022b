"""Undoes encoded words in header fields and file names (RFC 2047), in one pass however many there are."""

from __future__ import annotations

import binascii
import re

from reading.mime.charsets import text_of
from reading.mime.transfer_decoding import from_base64

MAX_WORDS = 1000  # of one field; the rest stays as it is written

# The standard library's pattern takes quadratic time for words without an end; each class here stops at the next "?".
_WORD = re.compile(rb"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_LANGUAGE = b"*"  # RFC 2231 5: charset*language


def without_encoded_words(value: bytes) -> str:
    """The text of a field's value; white space between two words is no part of it (RFC 2047 6.2). Never raises."""
    if b"=?" not in value:
        return text_of(value)
    text: list[str] = []
    run, run_charset, end = b"", b"", 0
    for count, word in enumerate(_WORD.finditer(value)):
        if count == MAX_WORDS:
            break
        charset = word[1].partition(_LANGUAGE)[0].lower()
        between = value[end : word.start()]
        # Some senders split a character of several octets over two words, so octets are joined before they are decoded.
        if charset != run_charset or between.strip() or not end:
            text.append(_text(run, run_charset))
            run, run_charset = b"", charset
            if between.strip() or not end:
                text.append(text_of(between))
        run += _octets(word[2], word[3])
        end = word.end()
    return "".join((*text, _text(run, run_charset), text_of(value[end:])))


def _text(octets: bytes, charset: bytes) -> str:
    return text_of(octets, charset.decode("ascii", "replace"))


def _octets(encoding: bytes, encoded: bytes) -> bytes:
    if encoding in b"qQ":
        return binascii.a2b_qp(encoded, header=True)
    return from_base64(encoded).content
