"""Every part of the mailbox as a program of its own, each locked in as its unit says."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cli.front import utc_now
from fixtures.mailbox import INVOICES, Mailbox, patiently
from tests.certificates import self_signed
from tests.locked.main_job import Browser
from tests.post_office import PostOffice, post_office
from tests.program import Program, program

PARTS = ("smtp", "worker", "portal", "outbound")


@dataclass(frozen=True)
class Housed:
    """What runs, and those it talks to."""

    mailbox: Mailbox  # the programs are not its own
    browser: Browser
    office: PostOffice
    erp: Program
    octets: Path


def locked(part: str, folder: Path, *command: str | Path) -> list[str | Path]:
    """A command under the unit of this part."""
    return [sys.executable, "-m", "tests.locked.into", f"invoices-{part}.service", folder, *command]


@contextmanager
def housed(folder: Path) -> Iterator[Housed]:
    """All parts run. Raises Failed when one does not start."""
    smtp, portal = _free_port(), _free_port()
    (folder / "octets").mkdir()
    (folder / "certificate.pem").write_bytes(self_signed(until=utc_now() + timedelta(days=60)))
    with post_office() as office, program() as erp:
        settings = {
            "SMTP__LISTEN": f"127.0.0.1:{smtp}",
            "SMTP__TLS_CERTIFICATE": str(folder / "certificate.pem"),
            "SMTP__PROCESSES": "2",
            "BLOBS__URL": f"file://{folder / 'octets'}",
            "BLOBS__ENCRYPT": "true",
            "PORTAL__LISTEN": f"127.0.0.1:{portal}",
            "REGISTRATION__BASE_URL": f"http://127.0.0.1:{portal}",
            "OUTBOUND__SMARTHOST": office.address,
            "OUTBOUND__MAIL_FROM": "mailbox@mailbox.example",
            "OUTBOUND__MODE": "link-and-attachment",
            "WEBHOOKS__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
            "AUTHENTICATION__RESOLVERS": "[]",
        }
        mailbox = Mailbox(folder, settings)
        mailbox.log.touch()
        mailbox.address = ("127.0.0.1", smtp)
        mailbox.run("migrate")
        with _running(mailbox):
            yield Housed(mailbox, Browser(f"http://127.0.0.1:{portal}"), office, erp, folder / "octets")


@contextmanager
def _running(mailbox: Mailbox) -> Iterator[None]:
    programs: list[subprocess.Popen[bytes]] = []
    logs = [mailbox.folder / f"{part}.json" for part in PARTS]
    try:
        for part, log in zip(PARTS, logs, strict=True):
            command = locked(part, mailbox.folder, INVOICES, "serve", part)
            with log.open("wb") as stream:
                programs.append(subprocess.Popen(command, env=mailbox.environment, stderr=stream))
        for _ in patiently("a part does not start"):
            ended = [
                log.read_text() for log, one in zip(logs, programs, strict=True) if one.poll() is not None
            ]
            assert ended == [], "\n".join(ended)
            if all('"event": "ready"' in log.read_text() for log in logs):
                break
        yield
    finally:
        for one in programs:
            one.send_signal(signal.SIGTERM)
        statuses = [one.wait(60) for one in programs]
    assert statuses == [0] * len(PARTS)
    denied = [line for log in logs for line in log.read_text().splitlines() if '"level": "error"' in line]
    assert denied == [], "\n".join(denied)


def forget_all(mailbox: Mailbox) -> None:
    """Retention runs under its unit, as if 91 days had passed."""
    later = (utc_now() + timedelta(days=91)).isoformat()
    command = locked("retention", mailbox.folder, INVOICES, "retention", "run", "--now", later)
    subprocess.run(command, env=mailbox.environment, check=True, stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
