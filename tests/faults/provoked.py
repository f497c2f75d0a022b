"""The faults by themselves: how each is provoked, and where it has to show."""

from __future__ import annotations

import json
import os
import shutil
import signal
import smtplib
import socket
import sqlite3
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from fixtures.mailbox import patiently
from tests.faults.house import KNOWN, SMALL, House

SENDER = "billing@supplier.example"
MAIL = b"Subject: hello\r\n\r\nhello\r\n"
BROKEN = Path(__file__).parents[2] / "fixtures/mail/broken-xml/message.eml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the runbook."""

    name: str
    provoke: Callable[[House], None]
    event: str
    cause: str  # in the line of the log, and in `status`
    metric: str  # by name and labels, as far as they matter; above zero
    status: str = ""  # where `status` says it in other words than the log


def _refused(house: House, to: str, size: int | None = None) -> None:
    with house.client() as client:
        options = [f"SIZE={size}"] if size else []
        client.mail(SENDER, options)
        client.rcpt(to)


def stranger(house: House) -> None:
    """A machine that is in none of our networks."""
    with house.client() as client:
        client.docmd("XCLIENT", "ADDR=203.0.113.9")
        client.ehlo("stranger.example")
        client.mail(SENDER)
        client.rcpt(KNOWN)


def crowd(house: House) -> None:
    """More sessions than one peer may have."""
    with ExitStack() as open_sessions:
        for _ in range(12):  # two processes share them, as the kernel likes
            client = open_sessions.enter_context(socket.create_connection(house.mailbox.address, timeout=20))
            client.recv(100)


def bad_handshake(house: House) -> None:
    """A peer that does not speak TLS after STARTTLS."""
    with house.client() as client:
        client.docmd("STARTTLS")
        assert client.sock is not None
        client.sock.sendall(b"MAIL FROM:<billing@supplier.example>\r\n")
        client.sock.makefile("rb").read()  # until we are left alone
        client.close()


def bad_login(house: House) -> None:
    """A wrong password, under TLS."""
    (house.folder / "users").write_text(
        house.command("user", "hash", "relay", stdin="a long secret\n").stdout
    )
    _log_in(house)


def _log_in(house: House) -> None:
    with house.client() as client, suppress(smtplib.SMTPException):
        client.starttls()
        client.login("relay", "a wrong secret")


def no_users(house: House) -> None:
    """The file of users is gone for a while."""
    users = house.folder / "users"
    before = users.read_bytes()
    users.unlink()
    for _ in patiently("nothing is said of the users"):
        _log_in(house)
        if house.mailbox.events("users-broken"):
            break
    users.write_bytes(before)


def bad_certificate(house: House) -> None:
    """Renewed by something that wrote no certificate."""
    certificate = house.folder / "certificate.pem"
    before = certificate.read_bytes()
    certificate.write_text("no certificate\n")
    for _ in patiently("nothing is said of the certificate"):
        with house.client() as client:
            client.docmd("STARTTLS")
            client.close()
        if house.mailbox.events("certificate-broken"):
            break
    certificate.write_bytes(before)


def no_smarthost(house: House) -> None:
    """A mail of ours, and nobody who takes it."""
    link = json.loads(house.must("link", "create", "purchase@elsewhere.example", "--json"))
    house.must("link", "resend", link["id"])


def bad_reload(house: House) -> None:
    """A slip in the file of settings."""
    assert house.mailbox.daemon is not None
    house.file.write_text("[smtp]\nmax_mesage_bytes = 5\n")
    house.mailbox.daemon.send_signal(signal.SIGHUP)
    for _ in patiently("nothing is said of the settings"):
        if house.mailbox.events("reload-refused"):
            break
    house.file.write_text("")


def dead_receiver(house: House) -> None:
    """The kernel kills one of the processes that take mail in."""
    assert house.mailbox.daemon is not None
    pid = house.mailbox.daemon.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    [first, *_] = [
        int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    os.kill(first, signal.SIGKILL)


def no_blobs(house: House) -> None:
    """The place of the octets is away, as a folder of another machine may be."""
    shutil.rmtree(house.folder / "blobs")
    (house.folder / "blobs").write_text("no folder\n")
    house.mailbox.send(MAIL, [KNOWN])


def any_mail(house: House) -> None:
    """The first mail with steps to tell of: that a collector is away is told once."""
    house.mailbox.send(MAIL + b"traced\r\n", [KNOWN])


def broken_invoice(house: House) -> None:
    """An invoice that cannot be read."""
    house.mailbox.send(BROKEN.read_bytes(), [KNOWN])


def second_start(house: House) -> None:
    """Another program has the address already: here it is the first one."""
    [listening] = house.mailbox.events("metrics-listening")
    house.fails_to_serve(METRICS__LISTEN=listening["address"])


def wrong_clock(house: House) -> None:
    """The clock says less than what is on record."""
    house.must("retention", "run")
    with sqlite3.connect(house.data / "invoices.db") as by_hand:
        by_hand.execute("UPDATE retention_clock SET seen_at = '2999-01-01 00:00:00.000000'")
    house.command("retention", "run")


def another_schema(house: House) -> None:
    """A newer version of the program was here, and an older one is started."""
    with sqlite3.connect(house.data / "invoices.db") as by_hand:
        by_hand.execute("UPDATE alembic_version SET version_num = '9999'")
    house.fails_to_serve()


def large_mail(house: House) -> None:
    """More than the disk takes: the process may write files of 3 MB only."""
    with house.client() as client:
        client.mail(SENDER)
        client.rcpt(KNOWN)
        client.data(b"Subject: large\r\n\r\n" + b"x" * 998 + b"\r\n" * 2 + (b"y" * 998 + b"\r\n") * 5000)


def database_away(house: House) -> None:
    """PostgreSQL lets nobody in any more, and throws out who is there."""
    server, _, options = house.url.replace("postgresql+psycopg://", "postgresql://").partition("?")
    server, _, name = server.rpartition("/")
    with psycopg.connect(f"{server}/postgres?{options}", autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )


def page_without_database(house: House) -> None:
    """Somebody looks at the portal meanwhile."""
    [listening] = house.mailbox.events("portal-listening")
    token = "x" * 43
    with suppress(OSError):
        urllib.request.urlopen(f"http://{listening['address']}/register/{token}", timeout=10).close()


def nothing(_: House) -> None:
    """It was so when the program started."""


NEGLECTED = [
    Fault(
        name="a worker holds mail and does nothing",
        provoke=nothing,
        event="queue-stands-still",
        cause="the oldest mail has waited 60 minutes",
        metric="invoices_oldest_queued_seconds",
    ),
    Fault(
        name="retention does not run",
        provoke=nothing,
        event="retention-late",
        cause="what should have been deleted 48 hours ago is still there",
        metric="invoices_retention_overdue_seconds",
    ),
    Fault(
        name="the certificate is about to end",
        provoke=nothing,
        event="certificate-ends",
        cause="the certificate of SMTP ends in 3 days",
        metric="invoices_certificate_ends_seconds",
    ),
    Fault(
        name="a receiver dies",
        provoke=dead_receiver,
        event="receiver-died",
        cause="status=-9",
        metric="invoices_receiver_deaths_total",
    ),
    Fault(
        name="a stranger who has to sign in",
        provoke=stranger,
        event="rejected",
        cause="reason=auth-required",
        metric="invoices_refusals_total code=530 reason=auth-required",
    ),
    Fault(
        name="a domain that is not ours",
        provoke=lambda house: _refused(house, "somebody@elsewhere.example"),
        event="rejected",
        cause="reason=domain-refused",
        metric="invoices_refusals_total code=550 reason=domain-refused",
    ),
    Fault(
        name="an address that no account has",
        provoke=lambda house: _refused(house, "nobody@company.example"),
        event="rejected",
        cause="reason=unknown-recipient",
        metric="invoices_refusals_total code=550 reason=unknown-recipient",
    ),
    Fault(
        name="a mail that is too large",
        provoke=lambda house: _refused(house, KNOWN, SMALL + 1),
        event="rejected",
        cause="reason=too-large",
        metric="invoices_refusals_total code=552 reason=too-large",
    ),
    Fault(
        name="a peer that has gone mad",
        provoke=crowd,
        event="rejected",
        cause="reason=too-many-sessions-of-peer",
        metric="invoices_refusals_total code=421 reason=too-many-sessions-of-peer",
    ),
    Fault(
        name="a wrong password",
        provoke=bad_login,
        event="rejected",
        cause="reason=auth-failed",
        metric="invoices_refusals_total code=535 reason=auth-failed",
    ),
    Fault(
        name="the file of users is gone",
        provoke=no_users,
        event="users-broken",
        cause="No such file",
        metric="invoices_troubles event=users-broken",
    ),
    Fault(
        name="handshakes fail",
        provoke=bad_handshake,
        event="handshake-failed",
        cause="TLS was begun and did not come about",
        metric="invoices_session_ends_total reason=tls-handshake",
    ),
    Fault(
        name="a renewed certificate is none",
        provoke=bad_certificate,
        event="certificate-broken",
        cause="certificate.pem error=",
        metric="invoices_certificates_broken_total",
    ),
    Fault(
        name="the smarthost is away",
        provoke=no_smarthost,
        event="smarthost-away",
        cause="error=",
        metric="invoices_outbox_mails state=queued",
    ),
    Fault(
        name="a reload with wrong settings",
        provoke=bad_reload,
        event="reload-refused",
        cause="smtp.max_mesage_bytes: there is no such setting",
        metric="invoices_troubles event=reload-refused",
    ),
    Fault(
        name="the collector of traces is away",
        provoke=any_mail,
        event="traces-lost",
        cause="collector=http://127.0.0.1:1",
        metric="invoices_troubles event=traces-lost",
    ),
    Fault(
        name="an invoice that cannot be read",
        provoke=broken_invoice,
        event="quarantined",
        cause="it could not be filed as an invoice",
        status="1 in quarantine: `invoices quarantine list`",
        metric="invoices_mails_waiting state=quarantined",
    ),
    Fault(
        name="the clock is wrong",
        provoke=wrong_clock,
        event="retention-stopped",
        cause="set the clock",
        metric="invoices_troubles event=retention-stopped",
    ),
    Fault(
        name="the place of the octets is away",
        provoke=no_blobs,
        event="store-unavailable",
        cause="doing=move octets",
        metric="invoices_store_unavailable_total doing=move octets",
    ),
    Fault(
        name="the address is taken",
        provoke=second_start,
        event="start-failed",
        cause="Address already in use",
        metric="invoices_troubles event=start-failed",
    ),
    Fault(
        name="the schema is of another version",
        provoke=another_schema,
        event="start-failed",
        cause="9999",
        metric="invoices_troubles event=start-failed",
    ),
]

AWAY = [
    Fault(
        name="a mail server that may not send",
        provoke=stranger,
        event="rejected",
        cause="reason=relay-refused",
        metric="invoices_refusals_total code=550 reason=relay-refused",
    ),
    Fault(
        name="the disk takes no large mail",
        provoke=large_mail,
        event="not-spilled",
        cause="error=",
        metric="invoices_mails_not_spilled_total",
        status="`not-spilled`",
    ),
    Fault(
        name="the database is away",
        provoke=database_away,
        event="store-unavailable",
        cause="not currently accepting connections",
        metric="invoices_store_unavailable_total",
        status="the database does not answer",
    ),
    Fault(
        name="the portal shows no page",
        provoke=page_without_database,
        event="portal-unavailable",
        cause="not currently accepting connections",
        metric="invoices_troubles event=portal-unavailable",
        status="`portal-unavailable`",
    ),
]
