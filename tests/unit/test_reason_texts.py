"""Why a mail was set aside is written in English, once and for all; operators read it in their own language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal import wording
from portal.reason_texts import reason_text
from storage.records.people import Language

ROOT = Path(__file__).parents[2]
REASONS = {key: both["en"] for key, both in wording.texts().items() if key.startswith("reason.")}


@pytest.mark.parametrize(
    ("reason", "german"),
    [
        (
            '"invoice.xml": not well-formed XML: Opening and ending tag mismatch',
            "„invoice.xml“: kein wohlgeformtes XML: Opening and ending tag mismatch",
        ),
        (
            '"a.pdf": the PDF is encrypted with a password; "b.zip": the ZIP is damaged',
            "„a.pdf“: die PDF-Datei ist mit einem Passwort verschlüsselt; „b.zip“: das ZIP-Archiv ist beschädigt",
        ),
        (
            '"postmaster" is no address that could be invited; going by the name alone it could be that of "Nord AG"',
            (
                "„postmaster“ ist keine Adresse, die eingeladen werden könnte; "
                'nur dem Namen nach könnte es die von "Nord AG" sein'
            ),
        ),
        (
            'it could be the invoice of "Nord; Süd AG" by vat-id DE1 (buyer) and "B" by gln 2 (buyer); say whose it is',
            (
                'Es könnte die Rechnung von "Nord; Süd AG" by vat-id DE1 (buyer) and "B" by gln 2 (buyer) sein; '
                "entscheiden Sie, wessen sie ist"
            ),
        ),
        (
            "the process that read the mail died, perhaps for want of memory (3 times)",
            "Der Leseprozess brach ab, vielleicht aus Speichermangel (3-mal)",
        ),
        (
            (
                '"x.pdf": the XML "factur-x.xml" embedded in the PDF cannot be read: the XML has a DOCTYPE, '
                "which no invoice may have"
            ),
            (
                "„x.pdf“: das XML „factur-x.xml“ in der PDF-Datei ist nicht lesbar: das XML hat eine DOCTYPE-Angabe, "
                "die in keiner Rechnung stehen darf"
            ),
        ),
        ("a reason that nobody has thought of {yet}", "a reason that nobody has thought of {yet}"),
    ],
)
def test_a_reason_is_told_in_german(reason: str, german: str) -> None:
    """Names and what a library said stay; what is not known is shown as it was written."""
    assert reason_text(reason, Language.GERMAN) == german
    assert reason_text(reason, Language.ENGLISH) == reason


@pytest.mark.parametrize("key", REASONS)
def test_each_english_text_is_what_the_programs_write(key: str) -> None:
    """One that was reworded there would be shown in English again, and nobody would notice."""
    sources = [*ROOT.glob("ingest/**/*.py"), *ROOT.glob("reading/**/*.py"), *ROOT.glob("portal/**/*.py")]
    written = re.sub(r'"\s*f?"', "", "\n".join(file.read_text(encoding="utf-8") for file in sources))
    pieces = [piece.strip() for piece in re.split(r"\{\w+\}", REASONS[key])]

    assert [
        piece for piece in pieces if piece.replace('"', '\\"') not in written and piece not in written
    ] == []
