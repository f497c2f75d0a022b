"""A mailbox that can be hurt in many ways, and the three places where a fault has to show."""

from __future__ import annotations

import json
import smtplib
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from cli.front import utc_now
from cli.main import main
from fixtures.mailbox import INVOICES, Form, Mailbox
from storage.store import Store
from tests import making
from tests.certificates import self_signed
from tests.filed_mails import file_invoice

KNOWN = "purchase@company.example"
SMALL = 20_000  # octets of the largest mail that is taken


class House:
    """A daemon with a file of settings, and whatever it needs around it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir()
        self._said: list[str] = []
        self.file = folder / "invoices.toml"
        self.file.write_text("")
        self.mailbox = Mailbox(
            self.data,
            {"METRICS__LISTEN": "127.0.0.1:0", "VALIDATION__MODE": "off", "AUTHENTICATION__RESOLVERS": "[]"}
            | settings,
            (INVOICES, "serve", "--config", self.file),
        )

    @property
    def url(self) -> str:
        """Of the database."""
        return self.mailbox.environment.get(
            "INVOICES_DATABASE__URL", f"sqlite:///{self.data / 'invoices.db'}"
        )

    @contextmanager
    def serving(self) -> Iterator[House]:
        """Its daemon runs; `smtp.listen` then is where it really listens, for `status`."""
        with self.mailbox.serving():
            self.mailbox.environment["INVOICES_SMTP__LISTEN"] = self.mailbox.place
            yield self

    def client(self) -> smtplib.SMTP:
        """A mail server that has said EHLO."""
        client = smtplib.SMTP(*self.mailbox.address, timeout=20)
        client.ehlo("relay.example")
        return client

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """One call of the program, with the settings of the daemon."""
        done = subprocess.run(
            [INVOICES, *arguments],
            env=self.mailbox.environment | {"INVOICES_CONFIG": str(self.file)},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self._said += done.stderr.splitlines()
        return done

    def of_commands(self, name: str) -> list[Form]:
        """What commands logged under this name, as the journal would have it."""
        events = [json.loads(line) for line in self._said if line.startswith("{")]
        return [event for event in events if event["event"] == name]

    def fails_to_serve(self, **settings: str) -> None:
        """A second daemon beside the first, that cannot start."""
        before = self.mailbox.environment
        self.mailbox.environment = before | {f"INVOICES_{name}": value for name, value in settings.items()}
        done = self.command("serve", "smtp")
        self.mailbox.environment = before
        assert done.returncode == 1, done.stderr

    def must(self, *arguments: str) -> str:
        """What a command prints that has to succeed."""
        done = self.command(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self) -> str:
        """What `invoices status` says, also when it cannot say much; without the folds of a terminal."""
        environment = self.mailbox.environment | {"INVOICES_CONFIG": str(self.file)}
        with patch(
            "cli.front.set_up_log"
        ):  # it is made for a process of its own, and that takes a second each time
            done = CliRunner(env=environment).invoke(main, ["status"], prog_name="invoices")
        return " ".join(done.output.split())

    def metrics(self) -> dict[str, float]:
        """Every sample by its name with labels; nothing where nobody answers, which Prometheus calls `up` 0."""
        listening = self.mailbox.events("metrics-listening")
        if not listening:
            return {"up": 1.0}
        try:
            with urllib.request.urlopen(f"http://{listening[-1]['address']}/metrics", timeout=10) as answer:
                text = answer.read().decode()
        except OSError:
            return {"up": 1.0}
        return {
            sample.name
            + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@contextmanager
def neglected(folder: Path) -> Iterator[House]:
    """A house full of neglect before it even starts: old mail, an old invoice, a certificate about to end."""
    certificate = folder / "certificate.pem"
    certificate.write_bytes(self_signed(until=utc_now() + timedelta(days=3)))
    (folder / "users").write_text("")
    (folder / "blobs").mkdir()
    house = House(
        folder,
        SMTP__TLS_CERTIFICATE=str(certificate),
        SMTP__USERS=str(folder / "users"),
        SMTP__MAX_MESSAGE_BYTES=str(SMALL),
        SMTP__MAX_SESSIONS_PER_PEER="4",
        SMTP__ACCEPTED_DOMAINS="company.example",
        SMTP__UNKNOWN_RECIPIENTS="reject",
        SMTP__XCLIENT="127.0.0.0/8",
        SMTP__PROCESSES="2",
        BLOBS__URL=f"file://{folder / 'blobs'}",
        OUTBOUND__SMARTHOST=f"127.0.0.1:{_free_port()}",
        OUTBOUND__MAIL_FROM="mailbox@company.example",
        OUTBOUND__MODE="link",
        TRACING__COLLECTOR="http://127.0.0.1:1",
    )
    house.must("account", "add", "Company Ltd", "--address", KNOWN)
    _neglect(house.url)
    with house.serving():
        yield house


@contextmanager
def dependent(folder: Path, url: str) -> Iterator[House]:
    """A house that depends on a database elsewhere, and on a disk that takes files of 3 MB at most."""
    house = House(folder, DATABASE__URL=url, SMTP__XCLIENT="127.0.0.0/8")
    house.mailbox.program = ("prlimit", "--fsize=3000000", *house.mailbox.program)
    house.must("account", "add", "Company Ltd", "--address", KNOWN)
    with house.serving():
        yield house


def _neglect(url: str) -> None:
    """A mail that a worker elsewhere has held for an hour, and an invoice that should be gone since two days."""
    now = utc_now()
    file_invoice(url, at=now - timedelta(days=92))
    store = Store.open(url)
    try:
        store.add_mails([making.incoming(envelope=making.envelope(received_at=now - timedelta(hours=1)))])
        with store.transaction() as records:
            records.mails.claim(by="elsewhere/1/a", now=now, lease=timedelta(hours=2), limit=1)
    finally:
        store.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
