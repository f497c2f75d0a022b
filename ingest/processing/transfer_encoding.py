"""Undoes content transfer encodings (RFC 2045 6), however carelessly they were made."""

from __future__ import annotations

import binascii

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_ALPHABET) - set(b"="))


def decoded(content: bytes, encoding: str) -> bytes:
    """The octets of a part; those of an unknown encoding as they are. Never raises."""
    match encoding:
        case "base64":
            return _base64(content)
        case "quoted-printable":
            return binascii.a2b_qp(content)
        case "x-uuencode" | "uuencode" | "uue" | "x-uue":
            return _uuencoded(content)
    return content


def _base64(content: bytes) -> bytes:
    """Signs outside the alphabet do not count (RFC 2045 6.8); several padded runs may follow each other."""
    runs = content.translate(None, _NOT_BASE64).split(b"=")
    return b"".join(_run(run) for run in runs if run)


def _run(run: bytes) -> bytes:
    left_over = len(run) % 4
    if left_over == 1:
        run = run[:-1]  # one sign holds no whole octet
    return binascii.a2b_base64(run + b"=" * (-len(run) % 4))


def _uuencoded(content: bytes) -> bytes:
    octets = bytearray()
    lines = iter(content.splitlines())
    for line in lines:
        if line.startswith(b"begin "):
            break
    else:
        return content
    for line in lines:
        if line.strip() in (b"end", b"`", b""):
            break
        try:
            octets += binascii.a2b_uu(line)
        except binascii.Error:
            # Some senders count the padding of the last line wrongly.
            wanted = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                octets += binascii.a2b_uu(line[:wanted])
            except binascii.Error:
                return content
    return bytes(octets)
