"""A real Postfix relays to a real daemon: right envelope, untouched content, refusals go back to the sender."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.arrival import DELICATE, arrived, original, received_fields, sample
from tests.peers.conftest import OpenMailbox
from tests.peers.relay import DOMAIN, HOSTNAME, Relay

SENDER = "rechnung@supplier.example"
RECIPIENT = f"rechnungen@{DOMAIN}"


def test_an_invoice_arrives_with_its_envelope(serving: OpenMailbox, relay: Relay) -> None:
    """From the mail server of the README's example to the invoice on record."""
    with serving({"SMTP__LISTEN": relay.place}) as mailbox:
        relay.send(sample("unknown-recipient"), [RECIPIENT], SENDER)
        relay.wait_until_done()

        [mail] = arrived(mailbox)
        invoices = mailbox.run("list")

    assert mail["reverse_path"] == SENDER
    assert mail["forward_paths"] == [RECIPIENT]
    assert (mail["peer"], mail["helo"]) == ("127.0.0.1", HOSTNAME)
    assert mail["outcome"] == "recorded"
    assert [invoice["invoice_number"] for invoice in invoices] == ["LN-2026-6001"]
    assert f"status=sent (250 2.0.0 Ok: queued as {mail['mail_id']})" in relay.log()


def test_several_recipients_come_in_one_transaction(serving: OpenMailbox, relay: Relay) -> None:
    """One mail on record with all of them, not one for each."""
    to = [f"{name}@{DOMAIN}" for name in ("einkauf", "buchhaltung", "lager")]
    with serving({"SMTP__LISTEN": relay.place}) as mailbox:
        relay.send(sample("plain-letter"), to, SENDER)
        relay.wait_until_done()

        [mail] = arrived(mailbox)

    # Postfix sorts them as it likes.
    assert sorted(to) == sorted(mail["forward_paths"])


def test_a_notification_keeps_its_empty_reverse_path(serving: OpenMailbox, relay: Relay) -> None:
    """RFC 5321 4.5.5; Postfix sends SIZE and BODY after it."""
    with serving({"SMTP__LISTEN": relay.place}) as mailbox:
        relay.send(sample("bounce-with-empty-reverse-path"), [RECIPIENT], "")
        relay.wait_until_done()

        [mail] = arrived(mailbox)

    assert mail["reverse_path"] == ""
    assert mail["forward_paths"] == [RECIPIENT]


def test_addresses_that_need_smtputf8(serving: OpenMailbox, relay: Relay) -> None:
    """Postfix passes them on only because we offer SMTPUTF8, and they arrive as they were."""
    with serving({"SMTP__LISTEN": relay.place}) as mailbox:
        relay.send_utf8(DELICATE, f"büro@{DOMAIN}", "käthe@öl.example")
        relay.wait_until_done()

        [mail] = arrived(mailbox)

    assert mail["reverse_path"] == "käthe@öl.example"
    assert [f"büro@{DOMAIN}"] == mail["forward_paths"]


def test_postfix_encrypts_when_we_can(serving: OpenMailbox, relay: Relay, certificate: Path) -> None:
    """Debian's Postfix uses STARTTLS where it is offered; the mail's record says so."""
    settings = {"SMTP__LISTEN": relay.place, "SMTP__TLS_CERTIFICATE": str(certificate)}
    with serving(settings | {"SMTP__REQUIRE_TLS": "true"}) as mailbox:
        relay.send(sample("unknown-recipient"), [RECIPIENT], SENDER)
        relay.wait_until_done()

        [mail] = arrived(mailbox)

    assert mail["tls"] is True


@pytest.mark.parametrize(
    "octets",
    [DELICATE, sample("umlauts-everywhere"), sample("two-invoices-in-one-mail")],
    ids=["delicate", "umlauts-everywhere", "two-invoices-in-one-mail"],
)
def test_the_original_is_what_postfix_handed_over(serving: OpenMailbox, relay: Relay, octets: bytes) -> None:
    """Our Received field, then that of Postfix, then every octet that was given to Postfix."""
    with serving({"SMTP__LISTEN": relay.place}) as mailbox:
        relay.send(octets, [RECIPIENT], SENDER, options=["BODY=8BITMIME"])
        relay.wait_until_done()

        [mail] = arrived(mailbox)
        (ours, theirs), below = received_fields(original(mailbox, mail["mail_id"]), 2)

    assert octets == below
    assert ours.startswith(f"Received: from {HOSTNAME} ([127.0.0.1]) by mx.example.com with ESMTP id ")
    assert f"by {HOSTNAME} (Postfix) with ESMTP" in theirs
    assert f"for <{RECIPIENT}>" in theirs


def test_lines_that_postfix_breaks_lose_nothing(serving: OpenMailbox, relay: Relay) -> None:
    """Postfix breaks lines of more than 998 octets (smtp_line_length_limit) and goes on after a space."""
    long_line = b"0123456789" * 500
    octets = DELICATE + long_line + b"\r\n"
    with serving({"SMTP__LISTEN": relay.place}) as mailbox:
        relay.send(octets, [RECIPIENT], SENDER, options=["BODY=8BITMIME"])
        relay.wait_until_done()

        [mail] = arrived(mailbox)
        _, below = received_fields(original(mailbox, mail["mail_id"]), 2)

    assert below.startswith(DELICATE)
    pieces = below[len(DELICATE) :].removesuffix(b"\r\n").split(b"\r\n ")
    assert len(pieces) > 1
    assert long_line == b"".join(pieces)


@pytest.mark.parametrize(
    ("rule", "reply"),
    [
        ({"SMTP__ACCEPTED_DOMAINS": '["elsewhere.example"]'}, "550 5.7.1 No mail is taken for this domain"),
        ({"SMTP__UNKNOWN_RECIPIENTS": "reject"}, "550 5.1.1 No such mailbox here"),
        ({"SMTP__MAX_MESSAGE_BYTES": "2000"}, "size limit 2000"),
    ],
    ids=["domain", "recipient", "size"],
)
def test_what_the_operator_refuses_goes_back_to_the_sender(
    serving: OpenMailbox, relay: Relay, rule: dict[str, str], reply: str
) -> None:
    """Postfix takes the refusal as final and tells the sender; it does not try for days."""
    before = len(relay.log())
    with serving({"SMTP__LISTEN": relay.place} | rule) as mailbox:
        relay.send(sample("unknown-recipient"), [RECIPIENT], SENDER)
        relay.wait_until_done()

        mails = mailbox.run("mail", "list")

    [bounced] = [line for line in relay.log()[before:].splitlines() if "status=bounced" in line]
    assert reply in bounced
    assert mails == []
