"""Looks at what has arrived: mails on record, their originals, the trace fields on top."""

from __future__ import annotations

import re
from pathlib import Path

from fixtures.mailbox import Form, Mailbox

SAMPLES = Path(__file__).parents[2] / "fixtures/mail"
_FIELD = re.compile(rb"Received:.*?\r\n(?![ \t])", re.DOTALL)

# What a transfer can harm: dots at line starts, 8-bit octets, the longest lines that RFC 5321 4.5.3.1.6 grants,
# trailing spaces, empty lines at both ends.
DELICATE = (
    b"From: Lieferant <rechnung@supplier.example>\r\n"
    b"To: rechnungen@invoices.example.com\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Mon, 23 Nov 2026 10:00:00 +0100\r\n"
    b"Message-ID: <delicate@supplier.example>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
    b"\r\n"
    b".\r\n"
    b"..\r\n"
    b".Anfang mit Punkt\r\n" + "Grüße aus Köln, Straße 1, 100 €\r\n".encode() + b"x" * 998 + b"\r\n"
    b"." + b"y" * 997 + b"\r\n"
    b"Leerzeichen am Ende   \r\n"
    b"From hier an\r\n"
    b"\r\n"
    b"\r\n"
)


def sample(name: str) -> bytes:
    """A mail of fixtures/mail."""
    return (SAMPLES / name / "message.eml").read_bytes()


def arrived(mailbox: Mailbox) -> list[Form]:
    """Every mail on record, as `mail show` tells it, once all are filed; in the order of `mail list`."""
    stored = {mail["mail_id"] for mail in mailbox.run("mail", "list")}
    return [mailbox.run("mail", "show", mail_id)[0] for mail_id in mailbox.wait_until_filed(stored)]


def original(mailbox: Mailbox, mail_id: str) -> bytes:
    """The octets that `download --original` writes."""
    path = mailbox.folder / f"{mail_id}.eml"
    mailbox.run("download", mail_id, "--original", "-o", str(path))
    return path.read_bytes()


def received_fields(octets: bytes, count: int) -> tuple[list[str], bytes]:
    """The first `count` Received fields, each unfolded to one line, and the octets below them."""
    fields = []
    for _ in range(count):
        field = _FIELD.match(octets)
        assert field, f"no Received field at {octets[:80]!r}"
        fields.append(" ".join(field[0].decode().split()))
        octets = octets[field.end() :]
    return fields, octets
