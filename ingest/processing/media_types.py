"""Tells from the first octets of a part what it is; declared types and names are not trusted."""

from __future__ import annotations

import re

_SIGNATURES = (
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\x78\x9f\x3e\x22", "application/ms-tnef"),
)
_SIGNED = re.compile(
    rb"\x30[\x80-\x84].{0,4}?\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07[\x02\x03]", re.DOTALL
)  # CMS
_XML = re.compile(
    rb"(?:\xef\xbb\xbf)?[\s\0]*<(?:\?xml[\s?]|!--|!DOCTYPE\s+(?!html)|[A-Za-z_][\w.-]*:?(?:CrossIndustry|Invoice|CreditNote))"
)
_WIDE_XML = re.compile(rb"(?:\xff\xfe<\0[?!A-Za-z]|\xfe\xff\0<\0[?!A-Za-z]|<\0\?\0x\0|\0<\0\?\0x)")
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_HEAD_OCTETS = 1024


def media_type(content: bytes, declared: str) -> str:
    """The media type (RFC 6838) by content where the content tells, else the declared one."""
    head = content[:_HEAD_OCTETS]
    if b"%PDF-" in head:  # ISO 32000 asks for it at the very start; readers accept it a little later
        return "application/pdf"
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if _SIGNED.match(head):
        return "application/pkcs7-mime"
    if _WIDE_XML.match(head) or (_XML.match(head) and not _HTML.match(head)):
        return "application/xml"
    return declared
