"""swaks delivers to a real daemon: attachments, recipients, empty reverse-path, STARTTLS, pipelining."""

from __future__ import annotations

import email
import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.mailbox import PATIENCE_SECONDS, Mailbox
from tests.peers.arrival import DELICATE, arrived, original, received_fields, sample
from tests.peers.conftest import OpenMailbox

SENDER = "rechnung@supplier.example"
RECIPIENT = "rechnungen@company.example"

Swaks = Callable[..., str]


@pytest.fixture
def talk(swaks: str) -> Swaks:
    """A function that has swaks send a mail; its transcript of the conversation."""

    def send(mailbox: Mailbox, *options: str, to: str = RECIPIENT, reverse_path: str = SENDER) -> str:
        who = ["--server", mailbox.place, "--helo", "swaks.example", "--from", reverse_path, "--to", to]
        done = subprocess.run(
            [swaks, *who, *options],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return send


@pytest.fixture
def invoice_pdf(tmp_path: Path) -> Path:
    """The hybrid PDF of a sample mail, as a file."""
    message = email.message_from_bytes(sample("unknown-recipient"))
    [pdf] = [part for part in message.walk() if part.get_filename() == "LN-2026-6001.pdf"]
    content = pdf.get_payload(decode=True)
    assert isinstance(content, bytes)
    path = tmp_path / "LN-2026-6001.pdf"
    path.write_bytes(content)
    return path


def test_an_attached_invoice_for_several_recipients(
    serving: OpenMailbox, talk: Swaks, invoice_pdf: Path
) -> None:
    """One mail with every recipient in order, and the very PDF that was attached."""
    to = ["first@company.example", "second@company.example", "third@company.example"]
    with serving() as mailbox:
        attachment = ["--attach-type", "application/pdf", "--attach-name", invoice_pdf.name]
        talk(mailbox, *attachment, "--attach", f"@{invoice_pdf}", to=",".join(to))

        [mail] = arrived(mailbox)
        invoices = mailbox.run("list")

    digest = hashlib.sha256(invoice_pdf.read_bytes()).hexdigest()
    assert mail["reverse_path"] == SENDER
    assert to == mail["forward_paths"]
    assert mail["helo"] == "swaks.example"
    assert [(invoice_pdf.name, digest)] == [
        (part["name"], part["sha256"]) for part in mail["parts"] if part["role"] == "invoice"
    ]
    assert {"LN-2026-6001"} == {invoice["invoice_number"] for invoice in invoices}


def test_an_empty_reverse_path(serving: OpenMailbox, talk: Swaks) -> None:
    """A notification is taken and kept as one (RFC 5321 4.5.5)."""
    with serving() as mailbox:
        transcript = talk(mailbox, reverse_path="<>")

        [mail] = arrived(mailbox)

    assert "MAIL FROM:<>" in transcript
    assert mail["reverse_path"] == ""
    assert mail["outcome"] == "no-invoice"


def test_starttls(serving: OpenMailbox, talk: Swaks, certificate: Path) -> None:
    """swaks fails by itself when STARTTLS is not offered or its handshake does not succeed."""
    with serving({"SMTP__TLS_CERTIFICATE": str(certificate)}) as mailbox:
        transcript = talk(mailbox, "--tls")

        [mail] = arrived(mailbox)
        [ours], _ = received_fields(original(mailbox, mail["mail_id"]), 1)

    assert "TLS started" in transcript
    assert mail["tls"] is True
    assert "from swaks.example ([127.0.0.1]) by mx.example.com with ESMTPS id" in ours


@pytest.mark.parametrize("encryption", [(), ("--tls",)], ids=["plain", "tls"])
def test_pipelining(
    serving: OpenMailbox, talk: Swaks, certificate: Path, encryption: tuple[str, ...]
) -> None:
    """MAIL, RCPT and DATA in one go; each is answered, in order, and the mail is whole."""
    to = [f"recipient{number}@company.example" for number in range(20)]
    with serving({"SMTP__TLS_CERTIFICATE": str(certificate)}) as mailbox:
        transcript = talk(mailbox, "--pipeline", *encryption, to=",".join(to))

        [mail] = arrived(mailbox)

    assert to == mail["forward_paths"]
    # A client that does not pipeline reads a reply between two commands.
    sent = [line for line in transcript.splitlines() if line[1:4] in {"-> ", "~> ", "<- ", "<~ "}]
    first = next(index for index, line in enumerate(sent) if "MAIL FROM" in line)
    assert ["MAIL", *["RCPT"] * 20, "DATA"] == [line[4:8] for line in sent[first : first + 22]]


def test_the_original_is_what_was_sent(serving: OpenMailbox, talk: Swaks, tmp_path: Path) -> None:
    """Dots, umlauts and the longest lines come out below our Received line as they went in."""
    letter = tmp_path / "letter.eml"
    letter.write_bytes(DELICATE)
    with serving() as mailbox:
        talk(mailbox, "--data", f"@{letter}")

        [mail] = arrived(mailbox)
        _, below = received_fields(original(mailbox, mail["mail_id"]), 1)

    # swaks ends what it sends with one more line end of its own.
    assert below == DELICATE + b"\r\n"
