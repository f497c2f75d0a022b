"""A real mail receiver for the mails that we send: takes them over SMTP, and refuses what a test wants refused."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PATIENCE_SECONDS = 30.0


@dataclass
class PostOffice:
    """What has arrived, oldest first, and what is answered to a recipient instead of 250."""

    address: str = ""
    mails: list[tuple[str, str, bytes]] = field(default_factory=list)  # reverse-path, recipient, octets
    replies: dict[str, list[str]] = field(default_factory=dict)  # by recipient; the first is used up
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  -- the name is aiosmtpd's
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        """RCPT: 250, or what the test wants."""
        if waiting := self.replies.get(address):
            return waiting.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        """DATA: keeps the mail."""
        content = cast("bytes", envelope.original_content)
        for recipient in envelope.rcpt_tos:
            self.mails.append((envelope.mail_from or "", recipient, content))
        return "250 queued as 1"

    def authenticate(self, _: SMTP, __: Session, ___: Envelope, ____: str, login: Any) -> AuthResult:
        """AUTH: lets everybody in and keeps who it was."""
        assert isinstance(login, LoginPassword)
        self.logins.append((login.login, login.password))
        return AuthResult(success=True)

    def to(self, recipient: str) -> list[EmailMessage]:
        """The mails that this recipient has got."""
        found = [octets for _, address, octets in list(self.mails) if address == recipient]
        return [cast("EmailMessage", message_from_bytes(octets, policy=default)) for octets in found]

    def wait_for(self, recipient: str, count: int = 1) -> EmailMessage:
        """The mail number `count` to this recipient, as soon as it is there."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            if len(found := self.to(recipient)) >= count:
                return found[count - 1]
            time.sleep(0.05)
        raise AssertionError(f"{recipient} got {len(self.to(recipient))} mails, not {count}: {self.mails}")


@contextmanager
def post_office(**options: Any) -> Iterator[PostOffice]:
    """An open post office on a free port of this machine; `options` are those of aiosmtpd's SMTP."""
    office = PostOffice()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if options.pop("auth", False):
        options |= {"authenticator": office.authenticate, "auth_require_tls": False}
    controller = Controller(office, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True, **options)
    controller.start()
    office.address = f"127.0.0.1:{port}"
    try:
        yield office
    finally:
        controller.stop()


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def code_in(mail: EmailMessage) -> str:
    """The code that a mail holds."""
    found = re.search(r"^ {4}(\d{4} \d{4})$", text_of(mail), re.MULTILINE)
    assert found, text_of(mail)
    return found[1].replace(" ", "")


def link_in(mail: EmailMessage) -> str:
    """The registration link that a mail holds."""
    found = re.search(r"https?://\S+/register/\S+", text_of(mail))
    assert found, text_of(mail)
    return found[0]
