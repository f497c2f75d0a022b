"""Nodemailer, the mail library of Node.js, delivers to a real daemon, in the clear, under TLS and authenticated."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fixtures.mailbox import PATIENCE_SECONDS
from ingest.receiving.users import password_line
from tests.peers import programs
from tests.peers.arrival import arrived, original, sample
from tests.peers.conftest import OpenMailbox

TO = ["rechnungen@company.example", "büro@company.example"]
_SCRIPT = """
const {transport, mail} = JSON.parse(require('node:fs').readFileSync(0))
require('nodemailer').createTransport(transport).sendMail(mail).then(
    (info) => console.log(JSON.stringify(info)),
    (error) => { console.error(error.message); process.exit(1) })
"""


def _send(place: str, mail: dict[str, Any], **transport: Any) -> dict[str, Any]:
    program = programs.find("node")
    assert program is not None, "node is required here, and not installed"
    host, _, port = place.rpartition(":")
    transport = {"host": host, "port": int(port), "tls": {"rejectUnauthorized": False}} | transport
    done = subprocess.run(
        [program, "-e", _SCRIPT],
        input=json.dumps({"transport": transport, "mail": mail}),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "starttls"])
def test_a_raw_mail_arrives(serving: OpenMailbox, certificate: Path, tls: bool) -> None:
    """To a recipient outside ASCII, too: SMTPUTF8 is used where it is needed."""
    settings = {"SMTP__TLS_CERTIFICATE": str(certificate)} if tls else {}
    envelope = {"from": "käthe@supplier.example", "to": TO}
    raw = sample("unknown-recipient").decode()
    with serving(settings) as mailbox:
        answer = _send(mailbox.place, {"raw": raw, "envelope": envelope}, requireTLS=tls)
        [mail] = arrived(mailbox)
        received = original(mailbox, mail["mail_id"])

    assert answer["response"] == f"250 2.0.0 Ok: queued as {mail['mail_id']}"
    assert mail["reverse_path"] == "käthe@supplier.example"
    assert mail["forward_paths"] == TO
    assert mail["tls"] is tls
    assert sample("unknown-recipient").split(b"\r\n\r\n", 1)[1].strip() in received


def test_a_mail_that_it_makes_is_read(serving: OpenMailbox, certificate: Path, tmp_path: Path) -> None:
    """Its MIME with an attachment, over the port where TLS comes first, with a password."""
    users = tmp_path / "users"
    users.write_text(password_line("supplier", "secret"))
    settings = {
        "SMTP__LISTEN_TLS": "127.0.0.1:0",
        "SMTP__TLS_CERTIFICATE": str(certificate),
        "SMTP__USERS": str(users),
        "SMTP__RELAYS": "192.0.2.1",
    }
    made = {
        "from": '"Lieferant Müller" <billing@supplier.example>',
        "to": TO[0],
        "subject": "Rechnung für März",
        "text": "Grüße",
        "attachments": [{"filename": "Rechnung März.txt", "content": "größer"}],
    }
    with serving(settings) as mailbox:
        [listening] = mailbox.events("listening")
        place = listening["addresses"][-1]
        _send(place, made, secure=True, auth={"user": "supplier", "pass": "secret"})
        [mail] = arrived(mailbox)

    assert mail["tls"] is True
    assert mail["subject"] == "Rechnung für März"
    assert "Rechnung März.txt" in [part["name"] for part in mail["parts"]]
