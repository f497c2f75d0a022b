"""Chooses and decodes the text that a person reads when opening a mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.processing.charsets import storable, text_of
from ingest.processing.html_text import text_of_html

MAX_CHARACTERS = 100_000
_MAX_OCTETS = 4 * MAX_CHARACTERS  # of one part; HTML needs more than it says


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPart:
    """A leaf part of role `body`."""

    media_type: str
    charset: str
    content: bytes


def body_text(parts: Sequence[BodyPart]) -> str:
    """The plain text parts, or the HTML parts stripped to text where those are empty. Never raises."""
    return _joined(parts, "text/plain") or _joined(parts, "text/html")


def _joined(parts: Sequence[BodyPart], media_type: str) -> str:
    texts: list[str] = []
    characters = 0
    for part in parts:
        if part.media_type != media_type or not part.content:
            continue
        text = text_of(part.content[:_MAX_OCTETS], part.charset).removeprefix("\ufeff")
        if media_type == "text/html":
            text = text_of_html(text)
        text = storable(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
        if text:
            texts.append(text)
            characters += len(text)
        if characters >= MAX_CHARACTERS:
            break
    return "\n\n".join(texts)[:MAX_CHARACTERS]
