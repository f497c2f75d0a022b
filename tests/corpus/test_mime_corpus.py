"""The mails of the shared corpus: none stops the reader, and no part is lost on which two other parsers agree."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from reading.mail import read_mail
from reading.mime import parse_mail

CORPUS = Path(__file__).parents[3] / "shared/corpus/mime"
MAILS = sorted(path for path in CORPUS.rglob("*") if path.suffix in {".eml", ".raw"})


def _rows(name: str) -> dict[str, dict[str, str]]:
    with (CORPUS / name).open(encoding="utf-8", newline="") as stream:
        return {row["path"]: row for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)}


CONSENSUS = _rows("consensus.tsv")


def test_the_corpus_is_whole() -> None:
    """A test that walks over no mails would prove nothing."""
    assert len(MAILS) == 215


@pytest.mark.parametrize("mail", MAILS, ids=lambda path: str(path.relative_to(CORPUS)))
def test_a_mail_is_read_and_loses_no_part(mail: Path) -> None:
    """Every binary part that two independent parsers found is among ours, octet for octet."""
    octets = mail.read_bytes()

    reading = read_mail(octets)

    row = CONSENSUS.get(str(mail.relative_to(CORPUS)), {})
    agreed = row.get("sha256s_agreed", "-") if row.get("agree") == "yes" else "-"
    ours = {hashlib.sha256(leaf.content).hexdigest() for leaf in parse_mail(octets).leaves}
    assert {digest for digest in agreed.split(",") if digest != "-"} <= ours
    assert reading.message.parts or not octets.strip()
