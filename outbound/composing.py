"""Puts a letter and its documents into a mail (RFC 5322), marked so that no program answers it (RFC 3834)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from outbound.contents import Document
from outbound.letters import Letter
from storage.records.outgoing import OutboundMail


class _Policy(EmailPolicy):
    """The standard library's for SMTP, but for the Message-ID: some programs do not know a folded one again."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """A field as it goes over the wire."""
        if name.lower() == "message-id":
            return f"{name}: {value}\r\n".encode("ascii")
        return super().fold_binary(name, value)


_ASCII = _Policy(linesep="\r\n")
_UTF8 = _Policy(linesep="\r\n", utf8=True)  # for addresses that need SMTPUTF8 (RFC 6531)


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose mails they are."""

    address: str
    name: str
    mailbox: str  # what the loop mark names: the address of the portal

    def message_id(self, mail_id: str) -> str:
        """The same at each attempt; in the form that reading/returned.py knows."""
        return f"<invoices.{mail_id}@{self.address.rpartition('@')[2]}>"


def routed(recipient: str) -> str:
    """An address with its domain in A-labels (RFC 5890 2.3.2.1), which every server knows. Raises ValueError."""
    local, at, domain = recipient.rpartition("@")
    if not (local and at and domain):
        raise ValueError("the recipient is no address")
    return f"{local}@{domain if domain.isascii() else domain.encode('idna').decode('ascii')}"


def compose(
    mail: OutboundMail, letter: Letter, documents: Sequence[Document], sender: Sender, now: datetime
) -> EmailMessage:
    """The whole mail. Raises ValueError for a recipient that is no address."""
    message = EmailMessage(policy=_ASCII if routed(mail.recipient).isascii() else _UTF8)
    message["From"] = Address(sender.name, addr_spec=sender.address)
    local, _, domain = routed(mail.recipient).rpartition("@")
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = sender.message_id(mail.id)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"  # what Exchange listens to
    message["X-Invoices-Mailbox"] = sender.mailbox
    message["Content-Language"] = str(mail.language)
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    for document in documents:
        maintype, _, subtype = document.media_type.partition("/")
        if maintype in ("multipart", "message") or not subtype:
            maintype, subtype = "application", "octet-stream"
        message.add_attachment(
            document.octets, maintype=maintype, subtype=subtype, filename=document.name, cte="base64"
        )
    return message
