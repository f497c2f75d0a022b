"""What a session is given: the operator's settings, its limits, and what it works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ingest.receiving.recipient_policy import RecipientPolicy

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from ingest.receiving.recipient_policy import KnownRecipient
    from storage.records import IncomingMail, Receipt


class SessionLog(Protocol):
    """What a session tells the mail log; nothing of a mail's content is ever in it."""

    def connected(self, *, peer: str | None) -> None:
        """A client has connected; `peer` is its IP address, None on a Unix socket."""

    def closed(self, *, peer: str | None, reason: str) -> None:
        """The connection ended.

        `reason` is quit, left (without QUIT), timeout, errors, endless (no end of a line or a mail), refused (too
        many sessions), tls-handshake, drained, cut-off (drained, but not in time) or failed.
        """

    def rejected(self, *, peer: str | None, stage: str, reply: str) -> None:
        """A command or a mail got a 4xx or 5xx; `stage` is the command, `reply` the line without CRLF."""

    def accepted(
        self,
        *,
        peer: str | None,
        mail_id: str,
        size: int,
        reverse_path: str,
        recipients: int,
        duplicate: bool,
    ) -> None:
        """A mail of `size` octets is durable; said just before the client is told so."""

    def failed(self, *, peer: str | None, stage: str, incident: str, error: Exception) -> None:
        """Something of ours broke; the client has only seen `incident`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How much one session may ask for."""

    timeout_seconds: float = 300.0  # RFC 5321 4.5.3.2.7, for each read and each write
    max_command_octets: int = 2048  # RFC 5321 4.5.3.1.4 names 512 and what extensions add
    max_content_line_octets: int = 1024 * 1024
    max_recipients: int = 1000  # RCPT commands in a transaction, refused ones too
    max_errors: int = 20
    max_idle_commands: int = 100  # NOOP, RSET, VRFY, EHLO, HELO between two mails
    max_commands: int = 10_000  # of any kind between two mails


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """What the operator has set, as plain values."""

    hostname: str
    max_message_bytes: int = 36_700_160
    tls_context: ssl.SSLContext | None = None
    require_tls: bool = False
    policy: RecipientPolicy = field(default_factory=RecipientPolicy)
    limits: SessionLimits = field(default_factory=SessionLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionWork:
    """What every session of a listener works with."""

    accept: Callable[
        [IncomingMail], Awaitable[Receipt]
    ]  # must go on with a commit that began, even if cancelled
    known_recipient: KnownRecipient  # asked only where unknown recipients are rejected
    now: Callable[[], datetime]  # UTC
    new_mail_id: Callable[[], str]
    log: SessionLog
