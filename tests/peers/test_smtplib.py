"""Python's smtplib delivers to a real daemon: the envelope is right and the octets are those that were sent."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path

from fixtures.mailbox import PATIENCE_SECONDS
from tests.peers.arrival import DELICATE, arrived, original, received_fields, sample
from tests.peers.conftest import OpenMailbox

SENDER = "rechnung@supplier.example"
RECIPIENT = "rechnungen@company.example"


def _letter() -> EmailMessage:
    letter = EmailMessage()
    letter["From"] = SENDER
    letter["To"] = RECIPIENT
    letter["Subject"] = "Grüße"
    letter.set_content("Anbei nichts.\n.\nGrüße aus Köln\n")
    return letter


def test_sendmail_brings_an_invoice(serving: OpenMailbox) -> None:
    """The whole way of an invoice mail, from the client's call to the invoice on record."""
    with serving() as mailbox:
        with smtplib.SMTP(*mailbox.address, "client.example", timeout=PATIENCE_SECONDS) as client:
            refused = client.sendmail(SENDER, [RECIPIENT], sample("unknown-recipient"))

        [mail] = arrived(mailbox)
        invoices = mailbox.run("list")

    assert refused == {}
    assert mail["reverse_path"] == SENDER
    assert mail["forward_paths"] == [RECIPIENT]
    assert (mail["peer"], mail["helo"], mail["tls"]) == ("127.0.0.1", "client.example", False)
    assert mail["outcome"] == "recorded"
    assert [invoice["invoice_number"] for invoice in invoices] == ["LN-2026-6001"]


def test_the_original_is_what_was_sent(serving: OpenMailbox) -> None:
    """Dots, umlauts, long lines and empty lines come out below our Received line as they went in."""
    octets = DELICATE + b"z" * 100_000 + b"\r\n"
    with serving() as mailbox:
        with smtplib.SMTP(*mailbox.address, "client.example", timeout=PATIENCE_SECONDS) as client:
            client.sendmail(SENDER, [RECIPIENT], octets, mail_options=["BODY=8BITMIME"])

        [mail] = arrived(mailbox)
        [ours], below = received_fields(original(mailbox, mail["mail_id"]), 1)

    assert octets == below
    assert ours.startswith(
        f"Received: from client.example ([127.0.0.1]) by mx.example.com with ESMTP id {mail['mail_id']} "
        f"for <{RECIPIENT}>;"
    )


def test_send_message_names_every_recipient_in_one_transaction(serving: OpenMailbox) -> None:
    """To, Cc and Bcc become forward-paths; nobody learns of the blind copy from what is kept."""
    letter = _letter()
    letter["Cc"] = "second@company.example"
    letter["Bcc"] = "third@company.example"
    with serving() as mailbox:
        with smtplib.SMTP(*mailbox.address, timeout=PATIENCE_SECONDS) as client:
            client.send_message(letter)

        [mail] = arrived(mailbox)
        octets = original(mailbox, mail["mail_id"])

    # The order is smtplib's own: Bcc before Cc.
    assert mail["forward_paths"] == [RECIPIENT, "third@company.example", "second@company.example"]
    assert b"third@company.example" not in octets
    assert mail["outcome"] == "no-invoice"


def test_send_message_with_addresses_that_need_smtputf8(serving: OpenMailbox) -> None:
    """Umlauts left and right of the @ stay umlauts, in the envelope as in the header (RFC 6531)."""
    letter = _letter()
    letter.replace_header("From", "Käthe Öl <käthe@öl.example>")
    letter.replace_header("To", "büro@straße.example")
    with serving() as mailbox:
        with smtplib.SMTP(*mailbox.address, timeout=PATIENCE_SECONDS) as client:
            client.send_message(letter)

        [mail] = arrived(mailbox)
        [ours], below = received_fields(original(mailbox, mail["mail_id"]), 1)

    assert mail["reverse_path"] == "käthe@öl.example"
    assert mail["forward_paths"] == ["büro@straße.example"]
    assert mail["from"] == ["käthe@öl.example"]
    assert "with UTF8SMTP id" in ours
    assert "Käthe Öl <käthe@öl.example>".encode() in below


def test_starttls_with_a_certificate_that_the_client_checks(serving: OpenMailbox, certificate: Path) -> None:
    """The mail says that it came encrypted, in its record and in its Received line."""
    with serving({"SMTP__TLS_CERTIFICATE": str(certificate), "SMTP__REQUIRE_TLS": "true"}) as mailbox:
        with smtplib.SMTP(*mailbox.address, timeout=PATIENCE_SECONDS) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(certificate)))
            client.sendmail(SENDER, [RECIPIENT], sample("unknown-recipient"))

        [mail] = arrived(mailbox)
        [ours], below = received_fields(original(mailbox, mail["mail_id"]), 1)

    assert mail["tls"] is True
    assert "with ESMTPS id" in ours
    assert sample("unknown-recipient") == below


def test_several_mails_in_one_session(serving: OpenMailbox) -> None:
    """Nothing of one transaction is left in the next, also not of one that the client gave up."""
    with serving() as mailbox:
        with smtplib.SMTP(*mailbox.address, timeout=PATIENCE_SECONDS) as client:
            client.sendmail(SENDER, [RECIPIENT], sample("plain-letter"))
            client.mail("given-up@supplier.example")
            client.rcpt("given-up@company.example")
            client.rset()
            client.sendmail("", ["second@company.example"], sample("unknown-recipient"))

        mails = arrived(mailbox)

    envelopes = {(mail["reverse_path"], *mail["forward_paths"]) for mail in mails}
    assert {(SENDER, RECIPIENT), ("", "second@company.example")} == envelopes
