"""Prometheus sees what every process has counted: each limit that is met, each mail, and the queue."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fixtures.mailbox import INVOICES, Mailbox, patiently
from ingest.exposition import Queue
from storage.errors import StorageUnavailable
from storage.store import Store
from storage.transaction import Transaction

TO = "rechnungen@company.example"
MAIL = b"Subject: hello\r\n\r\nhello\r\n"
ON = {"METRICS__LISTEN": "127.0.0.1:0"}


def _numbers(mailbox: Mailbox) -> dict[str, float]:
    """Every sample by its name with labels."""
    [listening] = mailbox.events("metrics-listening")
    with urllib.request.urlopen(f"http://{listening['address']}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize("processes", ["1", "2"])
def test_what_happens_is_counted(tmp_path: Path, processes: str) -> None:
    """Over all processes, whichever took the mail."""
    settings = ON | {"SMTP__PROCESSES": processes, "SMTP__MAX_MESSAGE_BYTES": "2000"}
    with Mailbox(tmp_path, settings).serving() as mailbox:
        mails = {mailbox.send(MAIL + b"%d\r\n" % number, [TO]) for number in range(8)}
        mailbox.send(MAIL + b"0\r\n", [TO])
        with smtplib.SMTP(*mailbox.address) as client, pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("a@supplier.example", TO, MAIL + b"x" * 2000 + b"\r\n")
        mailbox.wait_until_filed(mails)
        for _ in patiently("the sessions do not end"):
            numbers = _numbers(mailbox)
            if not numbers["invoices_open_sessions"]:
                break

    octets = sum(len(MAIL) + 3 for _ in range(9))
    assert numbers["invoices_sessions_total"] == 10
    assert numbers["invoices_session_ends_total reason=quit"] == 10
    assert numbers["invoices_mails_accepted_total duplicate=false"] == 8
    assert numbers["invoices_mails_accepted_total duplicate=true"] == 1
    assert numbers["invoices_accepted_octets_total"] == octets
    assert numbers["invoices_refusals_total code=552 reason=too-large stage=MAIL"] == 1
    assert numbers["invoices_mails_filed_total outcome=no-invoice"] == 8
    assert numbers["invoices_filing_seconds_count"] == 8
    assert numbers["invoices_mails_waiting state=queued"] == 0
    assert numbers["invoices_oldest_queued_seconds"] == 0
    assert numbers["invoices_store_up"] == 1


def test_a_receiver_that_was_killed_has_nothing_open_any_more(tmp_path: Path) -> None:
    """What it counted stays; the sessions that it had open are gone with it."""
    two = ON | {"SMTP__PROCESSES": "2"}
    with (
        Mailbox(tmp_path, two, (INVOICES, "serve", "smtp")).serving() as mailbox,
        socket.create_connection(mailbox.address) as client,
    ):
        client.recv(100)
        for _ in patiently("the session is not counted"):
            if _numbers(mailbox)["invoices_open_sessions"] == 1:
                break
        for child in _receivers(mailbox):
            os.kill(child, signal.SIGKILL)
        for _ in patiently("the session stays open"):
            numbers = _numbers(mailbox)
            if numbers["invoices_open_sessions"] == 0 and numbers["invoices_receiver_deaths_total"] == 2:
                break
    assert numbers["invoices_sessions_total"] == 1


def test_without_a_database_the_metrics_still_answer() -> None:
    """They say that it is away, and nothing of the queue."""

    class Away(Store):
        def __init__(self) -> None: ...

        @contextmanager
        def reading(self) -> Iterator[Transaction]:
            raise StorageUnavailable("connection refused")
            yield

    [up] = Queue(Away(), lambda: datetime.now(UTC)).collect()

    assert [(sample.name, sample.value) for sample in up.samples] == [("invoices_store_up", 0)]


def test_a_queue_that_nobody_files_grows_old(tmp_path: Path) -> None:
    """What an alarm is for."""
    with Mailbox(tmp_path, ON, (INVOICES, "serve", "smtp")).serving() as mailbox:
        mailbox.send(MAIL, [TO])
        for _ in patiently("the mail does not grow older"):
            numbers = _numbers(mailbox)
            if numbers["invoices_oldest_queued_seconds"] > 0:
                break
    assert numbers["invoices_mails_waiting state=queued"] == 1
    assert numbers["invoices_mails_waiting state=quarantined"] == 0


def test_an_address_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    """In one sentence, before any mail is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        mailbox = Mailbox(tmp_path, {"METRICS__LISTEN": place})
        with pytest.raises(Exception, match=f"metrics.listen: {place}: Address already in use"):
            mailbox.start()


def _receivers(mailbox: Mailbox) -> list[int]:
    assert mailbox.daemon is not None
    children = Path(f"/proc/{mailbox.daemon.pid}/task/{mailbox.daemon.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
