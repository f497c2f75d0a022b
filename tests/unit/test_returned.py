"""Signs of mails that nobody may answer, and mails of ours that come back, are known by what RFCs say of them."""

from __future__ import annotations

import pytest

from reading.mail import read_mail
from storage.records.reading import MailSign, ReturnedMail

OURS = "<invoices.01a21735-2347-75f3-8ea4-d6a550519e67@invoices.example.com>"


@pytest.mark.parametrize(
    ("header", "signs"),
    [
        ("", ()),
        ("Auto-Submitted: no", ()),
        ("Auto-Submitted: auto-generated", (MailSign.AUTO_GENERATED,)),
        ("auto-submitted: Auto-Replied; owner-email=x", (MailSign.AUTO_REPLIED,)),
        ("Auto-Submitted: auto-notified", (MailSign.AUTO_REPLIED,)),
        ("List-Id: <all.company.example>", (MailSign.LIST,)),
        ("List-Post: <mailto:all@company.example>", (MailSign.LIST,)),
        ("Precedence: bulk", (MailSign.LIST,)),
        ("Precedence: first-class", ()),
        ("List-Unsubscribe: <https://x.example>", ()),
        ("X-Invoices-Mailbox: https://invoices.example.com", (MailSign.MAILBOX,)),
        (
            "Auto-Submitted: auto-generated\r\nX-Invoices-Mailbox: x",
            (MailSign.AUTO_GENERATED, MailSign.MAILBOX),
        ),
    ],
)
def test_the_header_says_whether_a_mail_may_be_answered(header: str, signs: tuple[MailSign, ...]) -> None:
    """List-Unsubscribe alone says nothing: services that send single invoices set it, too."""
    fields = "\r\n".join(filter(None, ["From: a@x.example", header, "Subject: x"]))
    octets = f"{fields}\r\n\r\nbody\r\n".encode()

    assert read_mail(octets).signs == signs


def _notification(action: str, original: str) -> bytes:
    return (
        "From: Mail Delivery System <MAILER-DAEMON@mx.example>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nI am sorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; anna@company.example\r\nAction: {action}\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 <anna@company.example>:\r\n    no such user\r\n\r\n"
        f"--b\r\n{original}\r\n--b--\r\n"
    ).encode()


@pytest.mark.parametrize(
    "original",
    [
        f"Content-Type: message/rfc822\r\n\r\nFrom: x\r\nMessage-ID: {OURS}\r\n\r\nbody",
        f"Content-Type: text/rfc822-headers\r\n\r\nFrom: x\r\nMESSAGE-ID:\r\n {OURS}\r\n",
    ],
)
def test_a_notification_says_which_mail_of_ours_came_back(original: str) -> None:
    """RFC 3464, with the whole mail or its header alone (RFC 3462 2)."""
    assert read_mail(_notification("failed", original)).returned == ReturnedMail(
        message_id=OURS,
        status="5.1.1",
        diagnostic="smtp; 550 5.1.1 <anna@company.example>: no such user",
        failed=True,
    )


def test_a_delay_is_no_failure() -> None:
    """The server goes on trying."""
    returned = read_mail(
        _notification("delayed", f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {OURS}")
    ).returned

    assert returned is not None
    assert not returned.failed


def test_a_notification_about_somebody_elses_mail_is_none_of_ours() -> None:
    """And a mail that only quotes our Message-ID is no notification."""
    other = "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <1@supplier.example>"
    quoting = f"From: a@x.example\r\nSubject: x\r\n\r\nMessage-ID: {OURS}\r\n".encode()

    assert read_mail(_notification("failed", other)).returned is None
    assert read_mail(quoting).returned is None
