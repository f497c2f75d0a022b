"""Exim delivers to a real daemon, by SMTP and by LMTP, and keeps what is refused for a while."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.mailbox import PATIENCE_SECONDS, Mailbox
from tests.peers import programs
from tests.peers.arrival import arrived, original, received_fields, sample
from tests.peers.conftest import OpenMailbox

TO = "rechnungen@company.example"

# One router, one transport; no DNS. Exim drops its rights to its own user, who has to reach its spool.
CONFIGURATION = """\
primary_hostname = exim.relay.example
exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
keep_environment =
trusted_users = root
begin routers
all:
  driver = manualroute
  route_list = * 127.0.0.1
  transport = out
  self = send
begin transports
out:
  driver = smtp
  port = {port}
  protocol = {protocol}
  allow_localhost
  hosts_require_tls = {require_tls}
  tls_verify_certificates =
begin retry
* * F,1h,15m
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Exim's own user can pass through and write into."""
    with tempfile.TemporaryDirectory(prefix="exim-") as name:
        path = Path(name)
        path.chmod(0o755)
        for inner in ("spool", "log"):
            (path / inner).mkdir()
            subprocess.run(["chown", programs.EXIM_USER, path / inner], check=True)
        yield path


def _hand_over(folder: Path, mailbox: Mailbox, octets: bytes, *, place: str, tls: bool = False) -> str:
    """Hands a mail to Exim, which delivers it at once; what it logged."""
    program = programs.find("exim4")
    assert program is not None, "exim4 is required here, and not installed"
    lmtp = place != mailbox.place
    configuration = folder / "exim.conf"
    configuration.write_text(
        CONFIGURATION.format(
            program=program,
            folder=folder,
            port=place.rpartition(":")[2],
            protocol="lmtp" if lmtp else "smtp",
            require_tls="*" if tls else "",
        )
    )
    configuration.chmod(0o644)
    done = subprocess.run(
        [program, "-C", configuration, "-odf", "-i", "-f", "billing@supplier.example", TO],
        input=octets.replace(b"\r\n", b"\n"),
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr.decode()
    return (folder / "log/main").read_text()


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "starttls"])
def test_exim_delivers_by_smtp(serving: OpenMailbox, folder: Path, certificate: Path, tls: bool) -> None:
    """Below its Received field the mail is what was given to it."""
    settings = {"SMTP__TLS_CERTIFICATE": str(certificate)} if tls else {}
    with serving(settings) as mailbox:
        log = _hand_over(folder, mailbox, sample("unknown-recipient"), place=mailbox.place, tls=tls)
        [mail] = arrived(mailbox)
        (_, theirs), _ = received_fields(original(mailbox, mail["mail_id"]), 2)

    assert f'C="250 2.0.0 Ok: queued as {mail["mail_id"]}"' in log
    assert "Completed" in log
    assert "by exim.relay.example with local (Exim" in theirs
    assert mail["forward_paths"] == [TO]
    assert mail["helo"] == "exim.relay.example"
    assert mail["outcome"] == "recorded"
    assert mail["tls"] is tls


def test_exim_delivers_by_lmtp(serving: OpenMailbox, folder: Path) -> None:
    """With a reply of its own to the recipient."""
    with serving({"LMTP__LISTEN": "127.0.0.1:0"}) as mailbox:
        [listening] = mailbox.events("listening")
        place = listening["addresses"][-1]
        log = _hand_over(folder, mailbox, sample("unknown-recipient"), place=place)
        [mail] = arrived(mailbox)

    assert "Completed" in log
    assert mail["outcome"] == "recorded"


def test_what_exim_cannot_deliver_now_it_keeps(serving: OpenMailbox, folder: Path) -> None:
    """A host that is no relay gets 550, which Exim takes as final; nothing is on record."""
    with serving({"SMTP__RELAYS": "192.0.2.1"}) as mailbox:
        log = _hand_over(folder, mailbox, sample("unknown-recipient"), place=mailbox.place)
        mails = mailbox.run("mail", "list")

    assert "550 5.7.1 This host may not send mail here" in log
    assert mails == []
