"""Tells from the first octets of a part what it is; declared types and names are not trusted."""

from __future__ import annotations

import re

PDF, XML = "application/pdf", "application/xml"
OCTETS = "application/octet-stream"

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
    (b"\x78\x9f\x3e\x22", "application/ms-tnef"),  # MS-OXTNEF 2.1.3.1
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
)
_HEAD_OCTETS = 1024
_PDF_IN_TEXT = re.compile(rb"(?:^|[\r\n])[ \t]*%PDF-\d")
# A CMS ContentInfo (RFC 5652 3) of PKCS #7, or of the newer S/MIME types (1.2.840.113549.1.9.16.1).
_CMS = re.compile(
    rb"\x30(?:[\x01-\x80]|\x81.|\x82..|\x83...|\x84....)\x06[\x09\x0b]\x2a\x86\x48\x86\xf7\x0d\x01(?:\x07[\x01-\x06]|\x09\x10\x01)",
    re.DOTALL,
)
# A detached signature looks the same from outside, so here the declared type is believed.
_SIGNATURE_TYPES = {"application/pkcs7-signature", "application/x-pkcs7-signature"}

_TYPE = re.compile(rb"\s*([a-z0-9!#$&^_.+-]{1,127})\s*/\s*([a-z0-9!#$&^_.+-]{1,127})(?=$|[\s;,(\"])")

# Prolog of an XML document (XML 1.0, 2.8), then the root element; each alternative begins with other signs.
_MISC = (
    r"(?:\s++|<\?(?:[^?]|\?(?!>))*+\?>|<!--(?:[^-]|-(?!->))*+-->"
    r"|<!(?:DOCTYPE|doctype)[^<>\[]*+(?:\[[^\]]*+\]\s*+)?>)*+"
)
_ROOT = re.compile(_MISC + r"<(?:[\w.-]{1,100}:)?([A-Za-z_][\w.-]{0,100})(?=[\s/>:])([^<>]*+)")
_XML_DECLARATION = re.compile(r"\s*+<\?xml[\s?]")
_XML_ROOTS = re.compile(r"CrossIndustry|Invoice|CreditNote|Factura|Fattura")
_OTHER_ROOTS = {"html": None, "svg": "image/svg+xml"}


def declared_type(value: bytes) -> str:
    """The type/subtype of a Content-Type value in lower case; octets if it is none, text if empty (RFC 2045 5.2)."""
    lower = value.strip().lower()
    if not lower or re.match(rb"text(?:$|[\s;])", lower):  # "text" alone: older than MIME
        return "text/plain"
    found = _TYPE.match(lower)
    return f"{found[1].decode()}/{found[2].decode()}" if found else OCTETS


def media_type(content: bytes, declared: str) -> str:
    """The media type (RFC 6838) by content where the content tells, else the declared one. Never raises."""
    head = content[:_HEAD_OCTETS]
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if _CMS.match(head):
        return declared if declared in _SIGNATURE_TYPES else "application/pkcs7-mime"
    if head[257:262] == b"ustar":
        return "application/x-tar"
    # ISO 32000 asks for it at the very start; readers accept it a little later. A letter may speak of it.
    if b"%PDF-" in head and (not declared.startswith("text/") or _PDF_IN_TEXT.search(head)):
        return PDF
    return _markup_type(_text(head), declared)


def _text(head: bytes) -> str:
    for marks, codec in (((b"\xff\xfe", b"<\0"), "utf-16-le"), ((b"\xfe\xff", b"\0<"), "utf-16-be")):
        if head.startswith(marks):
            return head.decode(codec, "ignore").lstrip("\ufeff")
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\0").decode("latin-1")


def _markup_type(head: str, declared: str) -> str:
    """Of XML by its opening: the declaration, the name of an invoice's root, or a namespace."""
    if "<" not in head:
        return declared
    root = _ROOT.match(head)
    name = root[1] if root else ""
    if name.lower() in _OTHER_ROOTS:
        return _OTHER_ROOTS[name.lower()] or declared
    if _XML_DECLARATION.match(head):
        return XML
    if root and declared != "text/html" and (_XML_ROOTS.search(name) or "xmlns" in root[2]):
        return XML
    return declared
