"""A real Postfix keeps what we cannot take and sends it again: each mail is on record once, none is lost."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from fixtures.mailbox import Mailbox
from tests.peers.arrival import arrived, sample
from tests.peers.relay import DOMAIN, Relay

SENDER = "rechnung@supplier.example"
RECIPIENT = f"rechnungen@{DOMAIN}"
DRIVER = Path(__file__).parents[1] / "crash/driver.py"


@pytest.fixture
def settings(relay: Relay) -> dict[str, str]:
    """Those of a daemon that the Postfix relays to."""
    return {"SMTP__LISTEN": relay.place}


def _events(mailbox: Mailbox, mail_id: str) -> list[str]:
    return [event["event"] for event in mailbox.run("history", mail_id)]


def test_a_mail_waits_while_the_daemon_is_down(
    tmp_path: Path, relay: Relay, settings: dict[str, str]
) -> None:
    """Postfix keeps it, and hands it over once when we are back."""
    mailbox = Mailbox(tmp_path, settings)
    relay.send(sample("unknown-recipient"), [RECIPIENT], SENDER)
    [reason] = relay.wait_until_deferred()

    with mailbox.serving():
        relay.flush()
        [mail] = arrived(mailbox)
        events = _events(mailbox, mail["mail_id"])
        invoices = mailbox.run("list")

    assert "Connection refused" in reason
    assert (mail["reverse_path"], mail["forward_paths"], mail["outcome"]) == (SENDER, [RECIPIENT], "recorded")
    assert [invoice["invoice_number"] for invoice in invoices] == ["LN-2026-6001"]
    assert "received-again" not in events


@pytest.mark.usefixtures("tables")
def test_a_mail_waits_while_the_database_is_away(
    tmp_path: Path, relay: Relay, settings: dict[str, str], postgres_server: str, postgres_url: str
) -> None:
    """We answer 451 and go on serving; the same daemon takes the mail when its database is back."""
    with Mailbox(tmp_path, settings | {"DATABASE__URL": postgres_url}).serving() as mailbox:
        with _away(postgres_server, postgres_url):
            relay.send(sample("unknown-recipient"), [RECIPIENT], SENDER)
            [reason] = relay.wait_until_deferred()
        relay.flush()
        [mail] = arrived(mailbox)
        events = _events(mailbox, mail["mail_id"])

    assert "451 4.3.0 The store is away, please try again later" in reason
    assert (mail["reverse_path"], mail["forward_paths"], mail["outcome"]) == (SENDER, [RECIPIENT], "recorded")
    assert events.count("received") == 1
    assert "received-again" not in events


def test_a_mail_that_was_stored_but_not_answered_is_on_record_once(
    tmp_path: Path, relay: Relay, settings: dict[str, str]
) -> None:
    """Killed between commit and answer: Postfix cannot know that we have it, and sends it again."""
    doomed = Mailbox(tmp_path, settings, program=[sys.executable, DRIVER, "3 committed, not answered"])
    doomed.start()
    assert doomed.daemon is not None
    relay.send(sample("unknown-recipient"), [RECIPIENT, f"einkauf@{DOMAIN}"], SENDER)
    assert doomed.daemon.wait(60) == -9
    reasons = relay.wait_until_deferred()

    mailbox = Mailbox(tmp_path, settings)
    with mailbox.serving():
        relay.flush()
        [mail] = arrived(mailbox)
        events = _events(mailbox, mail["mail_id"])
        duplicates = [event["duplicate"] for event in mailbox.events("accepted")]

    assert all("lost connection" in reason and "end of data" in reason for reason in reasons)
    assert (events.count("received"), events.count("received-again")) == (1, 1)
    assert duplicates == [True]
    assert mail["outcome"] == "recorded"
    assert f"status=sent (250 2.0.0 Ok: queued as {mail['mail_id']})" in relay.log()


def test_mail_flows_on_over_restarts(tmp_path: Path, relay: Relay, settings: dict[str, str]) -> None:
    """Stopped and started again while Postfix delivers: every mail once, and none had to be sent again."""
    mailbox = Mailbox(tmp_path, settings)
    to = [f"number{number}@{DOMAIN}" for number in range(24)]
    accepted = []
    for batch in (to[:8], to[8:16], to[16:]):
        with mailbox.serving():
            for recipient in batch:
                relay.send(sample("plain-letter"), [recipient], SENDER)
        accepted += mailbox.events("accepted")
    with mailbox.serving():
        relay.flush()
        stored = {mail["mail_id"] for mail in mailbox.run("mail", "list")}
        mails = mailbox.wait_until_filed(stored).values()
        accepted += mailbox.events("accepted")

    assert sorted(recipient for mail in mails for recipient in mail["forward_paths"]) == sorted(to)
    assert [event["duplicate"] for event in accepted] == [False] * len(to)


@contextmanager
def _away(server: str, database_url: str) -> Iterator[None]:
    """The database takes no connections, and has none."""
    name = str(make_url(database_url).database)
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(allow.format(sql.Identifier(name), sql.Literal(False)))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            connection.execute(allow.format(sql.Identifier(name), sql.Literal(True)))
