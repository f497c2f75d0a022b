"""After retention no file of the data folder holds a word of what was deleted: database, journal, octets, all."""

from __future__ import annotations

import base64
import mmap
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fixtures.mailbox import Mailbox
from tests import invoice_documents

MAILS = 100
LOOKED_FOR = range(0, MAILS, 10)  # mails whose words are looked for
PARTNER = "supplier.example"  # stays on record as a contracting partner, like the companies


def _mail(number: int, secrets: dict[str, str]) -> bytes:
    """An invoice mail whose every part has a word of its own; every fourth lies in the log of octets."""
    xml = invoice_documents.cii(f"R-{number}", seller=secrets["seller"]).replace(
        b"B-17", secrets["order"].encode()
    )
    filler = random.Random(number).randbytes(60_000 if number % 4 == 0 else 300)
    return b"\r\n".join(
        [
            f"From: {secrets['person']} <billing@{PARTNER}>".encode(),
            b"To: invoices@company.example",
            f"Subject: {secrets['subject']}".encode(),
            f"Message-ID: <{secrets['message']}@{PARTNER}>".encode(),
            b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n',
            b"--b\r\nContent-Type: text/plain\r\n",
            secrets["body"].encode(),
            f'--b\r\nContent-Type: application/xml; name="{secrets["file"]}.xml"'.encode(),
            b"Content-Transfer-Encoding: base64\r\n",
            base64.encodebytes(xml).replace(b"\n", b"\r\n"),
            b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n",
            base64.encodebytes(secrets["attachment"].encode() + filler).replace(b"\n", b"\r\n"),
            b"--b--\r\n",
        ]
    )


def _secrets(number: int) -> dict[str, str]:
    names = ("seller", "order", "person", "subject", "message", "body", "file", "attachment")
    letters = random.Random(number)
    return {name: f"{name}{''.join(letters.choices('bcdfghjkmnpqrstvwxz', k=14))}" for name in names}


def _spellings(word: str) -> Iterable[bytes]:
    """As text, and as the middle of its base64 at each of the three places it may begin at."""
    yield word.encode()
    for start in range(3):
        yield base64.b64encode(b"\0" * start + word.encode())[4:-4]


def _found(folder: Path, words: set[str]) -> set[str]:
    found = set()
    for file in folder.rglob("*"):
        if not file.is_file() or not file.stat().st_size:
            continue
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as octets:
            lowered = octets[:].lower()
            found |= {
                word
                for word in words
                if octets.find(word.encode()) >= 0
                or lowered.find(word.lower().encode()) >= 0
                or any(octets.find(spelling) >= 0 for spelling in _spellings(word))
            }
    return found


def test_no_word_of_a_deleted_invoice_is_in_any_file(tmp_path: Path) -> None:
    """While the mailbox runs on, through SMTP and with all its parts; the words were there before."""
    mailbox = Mailbox(tmp_path)
    mailbox.run("account", "add", "Company Ltd", "--address", "invoices@company.example")
    # A partner outlives its invoices; one that nobody knew is named by its first one.
    mailbox.run("partner", "add", "Supplier Ltd", "--domain", PARTNER, "--vat-id", "DE123456788")
    every = [_secrets(number) for number in range(MAILS)]
    words = {word for number in LOOKED_FOR for word in every[number].values()}
    with mailbox.serving():
        sent = {
            mailbox.send(_mail(number, secrets), ["invoices@company.example"])
            for number, secrets in enumerate(every)
        }
        mailbox.wait_until_filed(sent)
        before = _found(tmp_path, words)
        at = datetime.now(UTC) + timedelta(days=91)
        [swept] = mailbox.run("retention", "run", "--now", at.isoformat())

        after = _found(tmp_path, words)

    assert swept["productive"] == swept["mails"] == MAILS
    assert before == words
    assert after == set()
    assert _found(tmp_path, words) == set(), "neither after the mailbox has stopped"
