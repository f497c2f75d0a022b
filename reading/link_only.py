"""Recognises mails that hold no invoice but a link to one; nobody follows it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from reading.invoice_reading.evidence import says_invoice
from reading.mime import Leaf
from reading.mime.charsets import text_of
from storage.records.reading import PartRole

_MOST_OCTETS = 200_000  # of a body that is looked at
_TAG = re.compile(r"<[^<>]{0,2000}>")
_HIDDEN = re.compile(r"<(style|script|head)\b", re.IGNORECASE)
_HREF = re.compile(
    r"<a\b[^<>]{0,1000}?\bhref\s{0,3}=\s{0,3}[\"']?(https?://[^\s\"'<>]{4,2000})", re.IGNORECASE
)
_URL = re.compile(r"https?://[^\s\"'<>()]{4,2000}", re.IGNORECASE)
# What one does with an invoice that is elsewhere, in the languages of evidence.py.
_FETCH = re.compile(
    r"herunter(?:zu)?laden|download|abrufen|abholen|einsehen|ansehen|anzeigen|bereit\b|verfügbar|hinterlegt|klick"
    r"|\bview\b|is ready|available|click|retrieve|log ?in|online"
    r"|télécharg|consult|disponible|cliqu|scarica|disponibile|clicc|descarg|consultar|bekijk|klik",
    re.IGNORECASE,
)


def linked_host(leaves: Iterable[Leaf], subject: str | None) -> str | None:
    """The host that a mail sends its reader to for the invoice; None where it does not. Never raises.

    To be asked for mails without any invoice document: then subject or text must speak of an invoice and of fetching
    it, and have a link.
    """
    texts = [_text(leaf) for leaf in leaves if leaf.role == PartRole.BODY]
    words = "\n".join([subject or "", *(text for text, _ in texts)])
    if not says_invoice(words) or not _FETCH.search(words):
        return None
    hosts = (_host(url) for _, urls in texts for url in urls)
    return next((host for host in hosts if host), None)


def _text(leaf: Leaf) -> tuple[str, list[str]]:
    """The words of a body, and its links."""
    written = text_of(leaf.content[:_MOST_OCTETS])
    if leaf.media_type != "text/html":
        return written, _URL.findall(written)
    links = [html.unescape(url) for url in _HREF.findall(written)]
    return html.unescape(_TAG.sub(" ", _shown(written))), links


def _shown(markup: str) -> str:
    """HTML without what no reader sees of it."""
    kept: list[str] = []
    lowered = markup.lower()
    at = 0
    while hidden := _HIDDEN.search(markup, at):
        kept.append(markup[at : hidden.start()])
        end = lowered.find(f"</{hidden[1].lower()}", hidden.end())
        if end < 0:
            return " ".join(kept)
        at = end
    return " ".join([*kept, markup[at:]])


def _host(url: str) -> str | None:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return host[:100] if host and re.fullmatch(r"[\w.-]+", host) else None
