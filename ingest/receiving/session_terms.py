"""What a session is given: the operator's settings, its limits, and what it works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ingest.receiving.recipient_policy import RecipientPolicy

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from pathlib import Path

    from ingest.receiving.arriving import ContentLimits
    from ingest.receiving.conversation import Conversation
    from ingest.receiving.recipient_policy import KnownRecipient, Networks
    from ingest.receiving.replies import Reply
    from ingest.receiving.spool import MemoryBudget
    from ingest.receiving.users import Users
    from storage.records.mails import IncomingMail, Receipt


class SessionLog(Protocol):
    """What a session tells the mail log; nothing of a mail's content is ever in it."""

    def connected(self, *, session: str, peer: str | None) -> None:
        """A client has connected; `session` is in all that follows, `peer` its IP address, None on a Unix socket."""

    def closed(self, *, session: str, peer: str | None, reason: str) -> None:
        """The connection ended.

        `reason` is quit, left (without QUIT), timeout, errors, endless (no end of a line or a mail), refused (too
        many sessions), tls-handshake, drained, cut-off (drained, but not in time) or failed.
        """

    def rejected(self, *, session: str, peer: str | None, stage: str, reason: str, reply: str) -> None:
        """A command or a mail got a 4xx or 5xx.

        `stage` is the command, `reason` the outcome by name ("too-many-recipients"), `reply` the line without CRLF.
        """

    def accepted(
        self,
        *,
        session: str,
        peer: str | None,
        mail_id: str,
        size: int,
        reverse_path: str,
        recipients: int,
        duplicate: bool,
    ) -> None:
        """A mail of `size` octets is durable; said just before the client is told so."""

    def not_spilled(self, *, error: OSError) -> None:
        """The disk did not take a large mail; its sender will be told to try again."""

    def failed(self, *, session: str, peer: str | None, stage: str, incident: str, error: Exception) -> None:
        """Something of ours broke; the client has only seen `incident`."""


class SessionPlace(Protocol):
    """Where a session has come in: one listening socket with its counts."""

    implicit_tls: bool  # the handshake comes before the greeting (RFC 8314 3)

    def enter(self, session: Conversation) -> Reply | None:
        """The session wants to begin; a reply says why there is no room for it."""

    def leave(self, session: Conversation) -> None:
        """The session is over; called once for each, also for one that was not let in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How much one session may ask for."""

    timeout_seconds: float = 300.0  # RFC 5321 4.5.3.2.7, for each read, each command line, each write
    max_command_octets: int = 2048  # RFC 5321 4.5.3.1.4 names 512 and what extensions add
    max_recipients: int = 1000  # RCPT commands in a transaction, refused ones too
    max_errors: int = 20
    max_failed_logins: int = 3
    max_idle_commands: int = 100  # NOOP, RSET, VRFY, EHLO, HELO between two mails
    max_commands: int = 10_000  # of any kind between two mails
    min_octets_per_second: int = 128  # of a mail, on the whole, once patience is at its end
    patience_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """What the operator has set, as plain values."""

    hostname: str
    content: ContentLimits
    tls: Callable[[], ssl.SSLContext] | None = None  # asked anew for each handshake: certificates are renewed
    require_tls: bool = False
    policy: RecipientPolicy = field(default_factory=RecipientPolicy)
    proxies: Networks = ()  # who begins each connection with a PROXY header
    xclient: Networks = ()  # who may say XCLIENT
    users: Users | None = None  # who may authenticate; AUTH is not offered without
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
    memory: MemoryBudget  # for mails on their way in
    spool_folder: Path  # for those that do not fit
