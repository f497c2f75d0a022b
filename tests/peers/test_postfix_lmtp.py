"""Postfix delivers by LMTP, over TCP and over a Unix socket: each recipient has a fate of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.arrival import DELICATE, arrived, original, received_fields
from tests.peers.conftest import OpenMailbox
from tests.peers.relay import DOMAIN, Relay

SENDER = "rechnung@supplier.example"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the user postfix can open a socket: the folder of a test is its owner's alone."""
    with tempfile.TemporaryDirectory(prefix="lmtp-") as name:
        shutil.chown(name, group="postfix")
        Path(name).chmod(0o2750)
        yield Path(name)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_postfix_delivers_by_lmtp(serving: OpenMailbox, relay: Relay, folder: Path, kind: str) -> None:
    """One mail on record with both recipients; below the trace fields it is octet for octet."""
    to = [f"{name}@{DOMAIN}" for name in ("einkauf", "lager")]
    listen = f"unix:{folder}/lmtp.sock" if kind == "unix" else relay.place
    with serving({"LMTP__LISTEN": listen}) as mailbox:
        if kind == "unix":
            shutil.chown(folder / "lmtp.sock", group="postfix")
            (folder / "lmtp.sock").chmod(0o660)
        with relay.delivering_to(f"lmtp:{listen}" if kind == "unix" else f"lmtp:inet:{listen}"):
            relay.send(DELICATE, to, SENDER, options=["BODY=8BITMIME"])
            relay.wait_until_done()
        [mail] = arrived(mailbox)
        _, below = received_fields(original(mailbox, mail["mail_id"]), 2)

    assert sorted(mail["forward_paths"]) == to
    assert mail["peer"] == (None if kind == "unix" else "127.0.0.1")
    assert below == DELICATE
    assert relay.log().count(f"status=sent (250 2.0.0 Ok: queued as {mail['mail_id']})") == 2


def test_one_recipient_is_refused_and_the_other_has_the_mail(serving: OpenMailbox, relay: Relay) -> None:
    """The sender hears of the one only (RFC 2033 4.2)."""
    before = len(relay.log())
    to = [f"rechnungen@{DOMAIN}", f"unbekannt@{DOMAIN}"]
    with serving({"LMTP__LISTEN": relay.place, "SMTP__UNKNOWN_RECIPIENTS": "reject"}) as mailbox:
        mailbox.run("account", "add", "Firma GmbH", "--address", to[0])
        with relay.delivering_to(f"lmtp:inet:{relay.place}"):
            relay.send(DELICATE, to, SENDER, options=["BODY=8BITMIME"])
            relay.wait_until_done()
        [mail] = arrived(mailbox)

    assert mail["forward_paths"] == to[:1]
    [bounced] = [line for line in relay.log()[before:].splitlines() if "status=bounced" in line]
    assert f"to=<{to[1]}>" in bounced
    assert "550 5.1.1 No such mailbox here" in bounced
