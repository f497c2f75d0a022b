"""msmtp delivers to a real daemon: in the clear, with STARTTLS, and authenticated on the port for TLS."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fixtures.mailbox import PATIENCE_SECONDS, Mailbox
from ingest.receiving.users import password_line
from tests.peers import programs
from tests.peers.arrival import arrived, original, sample
from tests.peers.conftest import OpenMailbox

TO = "rechnungen@company.example"


def _send(mailbox: Mailbox, octets: bytes, *options: str, place: str | None = None) -> None:
    program = programs.find("msmtp")
    assert program is not None, "msmtp is required here, and not installed"
    host, _, port = (place or mailbox.place).rpartition(":")
    done = subprocess.run(
        [program, f"--host={host}", f"--port={port}", "--from=billing@supplier.example", *options, TO],
        input=octets,
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize(
    "options", [["--tls=off"], ["--tls=on", "--tls-certcheck=off"]], ids=["clear", "starttls"]
)
def test_a_mail_arrives(serving: OpenMailbox, certificate: Path, options: list[str]) -> None:
    """Octet for octet, but for what msmtp itself writes; TLS is on record."""
    with serving({"SMTP__TLS_CERTIFICATE": str(certificate)}) as mailbox:
        _send(mailbox, sample("unknown-recipient"), *options)
        [mail] = arrived(mailbox)
        received = original(mailbox, mail["mail_id"])

    assert mail["forward_paths"] == [TO]
    assert mail["outcome"] == "recorded"
    assert sample("unknown-recipient").split(b"\r\n\r\n", 1)[1].strip() in received


def test_a_host_that_is_no_relay_authenticates(
    serving: OpenMailbox, certificate: Path, tmp_path: Path
) -> None:
    """AUTH PLAIN under STARTTLS, with a password from the users file."""
    users = tmp_path / "users"
    users.write_text(password_line("supplier", "secret"))
    settings = {
        "SMTP__TLS_CERTIFICATE": str(certificate),
        "SMTP__USERS": str(users),
        "SMTP__RELAYS": "192.0.2.1",
    }
    with serving(settings) as mailbox:
        login = ["--auth=plain", "--user=supplier", "--passwordeval=echo secret"]
        _send(mailbox, sample("unknown-recipient"), "--tls=on", "--tls-certcheck=off", *login)
        [mail] = arrived(mailbox)

    assert mail["outcome"] == "recorded"
