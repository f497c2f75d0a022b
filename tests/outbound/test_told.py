"""From a mail over SMTP to the mail that tells of its invoice, and back when that cannot be delivered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.expectation import cases
from fixtures.mailbox import Form, Mailbox
from tests.post_office import PostOffice, link_in, post_office, text_of

INVITED = "unknown-recipient"  # a sample to an address that nobody registered


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """A mail server that takes everything."""
    with post_office() as opened:
        yield opened


@pytest.fixture
def mailbox(tmp_path: Path, office: PostOffice) -> Iterator[Mailbox]:
    """A daemon that tells recipients by link and attachment."""
    settings = {
        "OUTBOUND__SMARTHOST": office.address,
        "OUTBOUND__MAIL_FROM": "postfach@invoices.example.com",
        "OUTBOUND__MODE": "link-and-attachment",
        "PORTAL__LISTEN": "127.0.0.1:0",
        "REGISTRATION__BASE_URL": "https://invoices.example.com",
    }
    with Mailbox(tmp_path, settings).serving() as running:
        yield running


def _sample(name: str) -> tuple[bytes, str]:
    [case] = [one for one in cases() if one.name == name]
    return case.octets, case.forward_paths[0]


def _events(mailbox: Mailbox, invoice_id: str, name: str) -> list[Form]:
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        found = [event for event in mailbox.run("history", invoice_id) if event["event"] == name]
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"no {name} in {mailbox.run('history', invoice_id)}")


def test_an_invited_company_is_told_with_its_link_and_the_document_once(
    mailbox: Mailbox, office: PostOffice
) -> None:
    """The mail holds what is on record: sender, number, the link, the invoice octet for octet."""
    octets, recipient = _sample(INVITED)
    mail_id = mailbox.send(octets, [recipient])
    mailbox.send(octets, [recipient])

    mail = office.wait_for(recipient)

    [invoice] = mailbox.run("list")
    [link] = mailbox.run("link", "list")
    document = mailbox.folder / "document"
    mailbox.run("download", invoice["id"], "-o", str(document))
    attached = [part.get_content() for part in mail.iter_attachments()]
    assert invoice["invoice_number"] in mail["Subject"]
    assert invoice["seller"]["name"] in str(mail["Subject"])
    assert link_in(mail) == link["url"]
    assert "kein Archiv" in " ".join(text_of(mail).split())
    assert document.read_bytes() in [one.encode() if isinstance(one, str) else one for one in attached]
    [notified] = _events(mailbox, invoice["id"], "notified")
    assert notified["detail"] == {"to": recipient, "template": "invited-invoice-attached"}
    assert invoice["mail_id"] == mail_id
    assert len(office.to(recipient)) == 1


def test_a_mail_that_came_back_is_noted_and_not_filed_as_an_invoice(
    mailbox: Mailbox, office: PostOffice
) -> None:
    """The notification returns the whole mail, with the invoice in it; nobody is told of it again."""
    octets, recipient = _sample(INVITED)
    mailbox.send(octets, [recipient])
    sent = office.wait_for(recipient).as_bytes()
    [invoice] = mailbox.run("list")
    _events(mailbox, invoice["id"], "notified")
    notification = (
        b"From: MAILER-DAEMON@mx.example\r\nTo: postfach@invoices.example.com\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=bounce\r\n\r\n"
        b"--bounce\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        b"Final-Recipient: rfc822; x\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"Diagnostic-Code: smtp; 550 no such user\r\n\r\n"
        b"--bounce\r\nContent-Type: message/rfc822\r\n\r\n" + sent + b"\r\n--bounce--\r\n"
    )

    mail_id = mailbox.send(notification, ["postfach@invoices.example.com"], "")

    assert mailbox.wait_until_filed({mail_id})[mail_id]["outcome"] == "no-invoice"
    [bounced] = _events(mailbox, invoice["id"], "notice-bounced")
    [listed] = mailbox.run("outbound", "list")
    assert "550 no such user" in bounced["detail"]["reply"]
    assert (listed["state"], listed["last_reply"]) == ("bounced", "5.1.1 smtp; 550 no such user")
    assert len(mailbox.run("list")) == 1


def test_a_mail_of_ours_that_leads_back_here_goes_in_no_circle(mailbox: Mailbox, office: PostOffice) -> None:
    """The recipient's server hands it to us like the first one; that is noticed, and the circle ends."""
    octets, recipient = _sample(INVITED)
    mailbox.send(octets, [recipient])
    sent = office.wait_for(recipient).as_bytes()
    [invoice] = mailbox.run("list")
    _events(mailbox, invoice["id"], "notified")

    mail_id = mailbox.send(sent, [recipient], "postfach@invoices.example.com")

    mail = mailbox.wait_until_filed({mail_id})[mail_id]
    assert (mail["outcome"], mail["invoices"]) == ("no-invoice", [])
    assert "sent it itself" in mail["reason"]
    assert len(office.mails) == 1
