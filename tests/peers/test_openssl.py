"""openssl s_client delivers by hand: STARTTLS of SMTP and of LMTP, as another implementation of TLS sees them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fixtures.mailbox import PATIENCE_SECONDS
from tests.peers import programs
from tests.peers.arrival import arrived
from tests.peers.conftest import OpenMailbox

COMMANDS = b"MAIL FROM:<a@x.example>\nRCPT TO:<b@y.example>\nDATA\nSubject: by hand\n\nhello\n.\nQUIT\n"


@pytest.mark.parametrize(("service", "hello"), [("smtp", b"EHLO"), ("lmtp", b"LHLO")])
def test_starttls(serving: OpenMailbox, certificate: Path, service: str, hello: bytes) -> None:
    """The handshake is that of TLS 1.2 or newer, and the mail is on record as sent under it."""
    program = programs.find("openssl")
    assert program is not None, "openssl is required here, and not installed"
    settings = {"SMTP__TLS_CERTIFICATE": str(certificate)}
    if service == "lmtp":
        settings |= {"LMTP__LISTEN": "127.0.0.1:0"}
    with serving(settings) as mailbox:
        [listening] = mailbox.events("listening")
        place = listening["addresses"][-1]
        done = subprocess.run(
            [
                program,
                "s_client",
                "-connect",
                place,
                "-starttls",
                service,
                "-quiet",
                "-crlf",
                "-verify_quiet",
            ],
            input=hello + b" hand.example\n" + COMMANDS,
            capture_output=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        [mail] = arrived(mailbox)

    assert b"250 2.0.0 Ok: queued as" in done.stdout, done.stderr.decode()
    assert mail["forward_paths"] == ["b@y.example"]
    assert mail["tls"] is True
