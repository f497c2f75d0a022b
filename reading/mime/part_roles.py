"""Decides what a leaf part is for by where it stands and what it is (RFC 2183, RFC 2387)."""

from __future__ import annotations

from reading.mime.media_types import PDF, XML
from storage.records.reading import PartRole

_READ_BY_PEOPLE = {"text/plain", "text/html", "text/enriched", "text/richtext"}
_READ_AS_ALTERNATIVE = {"text/x-amp-html", "text/watch-html"}
# What HTML shows by itself; no reader shows TIFF, which is what a scanner makes.
_SHOWN = ("image/", "text/css", "font/")
_TIFF = "image/tiff"


def role_of(
    media_type: str, *, disposition: str, is_named: bool, has_content_id: bool, within: str
) -> PartRole:
    """Body, inline or attachment; `within` is the type of the multipart around the part, empty for none."""
    if media_type in (PDF, XML) or disposition == "attachment":
        return PartRole.ATTACHMENT
    if media_type in _READ_BY_PEOPLE or (
        media_type in _READ_AS_ALTERNATIVE and within == "multipart/alternative"
    ):
        return PartRole.ATTACHMENT if is_named else PartRole.BODY
    if media_type.startswith(_SHOWN) and media_type != _TIFF:
        # A telephone attaches photographs of paper "inline" with a name; nothing but a Content-ID has them shown.
        called_for = disposition == "inline" and (has_content_id or not is_named)
        if within == "multipart/related" or called_for:
            return PartRole.INLINE
    return PartRole.ATTACHMENT
