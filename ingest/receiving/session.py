"""Holds one SMTP conversation, from the greeting to QUIT (RFC 5321 3 and 4)."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ingest.receiving.addresses import BadPath, parse_forward_path, parse_reverse_path
from ingest.receiving.connection import CommandTooLong, Connection, PeerGone
from ingest.receiving.content import Content
from ingest.receiving.mail_parameters import parse_mail_parameters
from ingest.receiving.recipient_policy import recipient_verdict, relay_verdict
from ingest.receiving.replies import Reply, ehlo_lines
from ingest.receiving.trace import received_field
from ingest.receiving.transfer_key import transfer_digest
from storage.errors import StorageUnavailable
from storage.records import Envelope, IncomingMail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ingest.receiving.session_terms import SessionSettings, SessionWork

_DIGEST_INLINE_OCTETS = 256 * 1024  # more is digested in a thread, for it would hold up every other session
_COMMANDS_PER_TURN = 100  # pipelined commands after which the other sessions get a turn


@dataclass(slots=True)
class _Transaction:
    """What MAIL and RCPT said (RFC 5321 3.3)."""

    reverse_path: str
    smtputf8: bool
    forward_paths: dict[str, None] = field(default_factory=dict)  # in the order given, each once
    asked: int = 0  # RCPT commands, refused ones too


class SmtpSession(Connection):
    """The commands, in the order and within the limits of RFC 5321; says yes only to what is durable."""

    offered_commands: ClassVar[tuple[str, ...]] = (
        "smtp_DATA",
        "smtp_EHLO",
        "smtp_HELO",
        "smtp_MAIL",
        "smtp_NOOP",
        "smtp_QUIT",
        "smtp_RCPT",
        "smtp_RSET",
        "smtp_STARTTLS",
        "smtp_VRFY",
    )
    _known_but_not_offered: ClassVar[frozenset[str]] = frozenset(
        {"AUTH", "BDAT", "ETRN", "EXPN", "HELP", "TURN"}
    )
    _free_before_tls: ClassVar[frozenset[str]] = frozenset(
        {"EHLO", "HELO", "NOOP", "QUIT", "RSET", "STARTTLS"}
    )
    _idle_commands: ClassVar[frozenset[str]] = frozenset({"EHLO", "HELO", "NOOP", "RSET", "VRFY"})

    def __init__(
        self,
        settings: SessionSettings,
        work: SessionWork,
        *,
        on_open: Callable[[SmtpSession], bool],
        on_close: Callable[[SmtpSession], None],
    ) -> None:
        """`on_open` says whether there is room for one more session; `on_close` is called once for each."""
        super().__init__(
            hostname=settings.hostname,
            tls_context=settings.tls_context,
            timeout=settings.limits.timeout_seconds,
            max_command_octets=settings.limits.max_command_octets,
        )
        self._settings = settings
        self._work = work
        self._on_open = on_open
        self._on_close = on_close
        self._peer: str | None = None
        self._closing = False  # the listener drains: this session ends before its next command
        self._stage = "CONNECT"
        self._in_content = False  # the client sends mail octets, which must never be read as commands
        self._errors = 0
        self._idle = 0
        self._commands = 0  # since the last mail
        self._relay_refusal: Reply | None = None
        self._helo: str | None = None
        self._extended = False  # greeted with EHLO
        self._transaction: _Transaction | None = None

    # For the listener.

    def close_when_idle(self) -> None:
        """End after the command under way, or now if there is none; a mail being sent may be finished."""
        self._closing = True
        if self.waits_for_command:
            self.hang_up(Reply.CLOSING.line(), "drained")

    # The conversation.

    async def _handle_client(self) -> None:
        """The whole life of the connection; aiosmtpd cancels it when the client is gone."""
        self._peer = _peer_address(self._writer.get_extra_info("peername"))
        try:
            self._work.log.connected(peer=self._peer)
            if self._on_open(self):
                await self._converse()
            else:
                self.end = "refused"
                await self._say(Reply.TOO_MANY_SESSIONS)
        except PeerGone:
            pass  # self.end says "left", unless the end was ours
        finally:
            if self._timeout_handle is not None:
                self._timeout_handle.cancel()
            self._on_close(self)
            self._close_soon()
            self._work.log.closed(peer=self._peer, reason=self.end)

    async def _converse(self) -> None:
        self._relay_refusal = relay_verdict(self._settings.policy, self._peer)
        await self._say(Reply.GREETING, hostname=self._settings.hostname)
        while not self._writer.transport.is_closing():
            if self._closing:
                self.end = "drained"
                await self._say(Reply.CLOSING)
                return
            try:
                line = await self._read_command_line()
            except CommandTooLong as error:
                self._stage = "COMMAND"
                await self._say(Reply.COMMAND_TOO_LONG)
                if error.endless:
                    await self._end(Reply.TOO_MANY_ERRORS, "endless")
                    return
            else:
                await self._obey(line)
            if await self._is_over():
                return

    async def _is_over(self) -> bool:
        """True when the session ends here: after QUIT, or because a limit is reached."""
        if self.end != "left":
            return True
        if self._errors >= self._settings.limits.max_errors:
            await self._end(Reply.TOO_MANY_ERRORS, "errors")
            return True
        self._commands += 1
        limits = self._settings.limits
        if self._idle > limits.max_idle_commands or self._commands > limits.max_commands:
            await self._end(Reply.TOO_MANY_IDLE_COMMANDS, "errors")
            return True
        if self._commands % _COMMANDS_PER_TURN == 0:
            await asyncio.sleep(0)
        return False

    async def _obey(self, line: bytes) -> None:
        """One command line to one reply."""
        verb, argument = _verb_and_argument(line)
        method = self._smtp_methods.get(verb)
        self._stage = verb if method is not None else "COMMAND"
        if not line.endswith(b"\r\n"):
            await self._say(Reply.COMMAND_LINE_END)
        elif method is None:
            known = verb in self._known_but_not_offered
            await self._say(Reply.NOT_IMPLEMENTED if known else Reply.UNKNOWN_COMMAND)
        elif self._settings.require_tls and not self.tls and verb not in self._free_before_tls:
            await self._say(Reply.TLS_REQUIRED)
        else:
            self._idle += verb in self._idle_commands
            await self._guarded(method, argument)

    async def _guarded(self, method: Callable[[str], Awaitable[None]], argument: str) -> None:
        """Carry out a command; whatever breaks in it, the client only learns an incident id."""
        try:
            await method(argument)
        except PeerGone:
            raise
        except Exception as error:
            await self.push(await self.handle_exception(error))
            if self._in_content:
                # What the client goes on sending is mail, and must not be read as commands.
                self.end = "failed"
                await self._let_peer_read()

    async def handle_exception(self, error: Exception) -> str:
        """The reply line to a bug or a failing part of ours; the cause goes to the log alone."""
        incident = secrets.token_hex(6)
        self._work.log.failed(peer=self._peer, stage=self._stage, incident=incident, error=error)
        self._transaction = None
        return Reply.INCIDENT.text(incident=incident)

    async def _say(self, reply: Reply, **words: str) -> None:
        """Send a reply; one that refuses is told to the log and may count as an error."""
        if reply.code >= 400:
            self._work.log.rejected(peer=self._peer, stage=self._stage, reply=reply.text(**words))
            self._errors += reply.is_protocol_error
        await self.push(reply.line(**words))

    async def _end(self, reply: Reply, reason: str) -> None:
        """Send a last reply and see that the client can read it."""
        self.end = reason
        await self._say(reply)
        await self._let_peer_read()

    # The commands.  aiosmtpd finds them by name; `arg` is the rest of the line without spaces at its ends.

    async def smtp_HELO(self, arg: str) -> None:  # noqa: N802  -- aiosmtpd finds commands by this name
        """RFC 5321 4.1.1.1."""
        if not arg:
            await self._say(Reply.HELLO_SYNTAX)
            return
        self._helo, self._extended, self._transaction = arg, False, None
        await self._say(Reply.HELLO, hostname=self._settings.hostname)

    async def smtp_EHLO(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.1; offers what works here and nothing else."""
        if not arg:
            await self._say(Reply.HELLO_SYNTAX)
            return
        self._helo, self._extended, self._transaction = arg, True, None
        keywords = [
            f"SIZE {self._settings.max_message_bytes}",  # RFC 1870
            "8BITMIME",  # RFC 6152
            "SMTPUTF8",  # RFC 6531
            "ENHANCEDSTATUSCODES",  # RFC 2034
            "PIPELINING",  # RFC 2920
        ]
        if self._settings.tls_context is not None and not self.tls:
            keywords.append("STARTTLS")  # RFC 3207
        await self.push(ehlo_lines(self._settings.hostname, keywords))

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.2."""
        if self._helo is None:
            await self._say(Reply.HELLO_FIRST)
        elif self._transaction is not None:
            await self._say(Reply.MAIL_TWICE)
        elif self._relay_refusal is not None:
            await self._say(self._relay_refusal)
        else:
            await self._begin_transaction(arg)

    async def _begin_transaction(self, arg: str) -> None:
        if arg[:5].upper() != "FROM:":
            await self._say(Reply.MAIL_SYNTAX)
            return
        path = parse_reverse_path(arg[5:].lstrip(" "))
        if isinstance(path, BadPath):
            await self._say(Reply.BAD_REVERSE_PATH, reason=path.reason)
            return
        parameters = parse_mail_parameters(path.parameters)
        if isinstance(parameters, Reply):
            await self._say(parameters)
        elif path.parameters and not self._extended:
            await self._say(Reply.UNKNOWN_PARAMETER)
        elif parameters.size > self._settings.max_message_bytes:
            await self._say(Reply.TOO_LARGE, limit=str(self._settings.max_message_bytes))
        elif not parameters.smtputf8 and not path.address.text.isascii():
            await self._say(Reply.NEEDS_SMTPUTF8)
        else:
            self._transaction = _Transaction(path.address.text, parameters.smtputf8)
            await self._say(Reply.SENDER_OK)

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.3."""
        transaction = self._transaction
        if transaction is None:
            await self._say(Reply.MAIL_FIRST)
            return
        if arg[:3].upper() != "TO:":
            await self._say(Reply.RCPT_SYNTAX)
            return
        if transaction.asked >= self._settings.limits.max_recipients:
            await self._say(Reply.TOO_MANY_RECIPIENTS)
            return
        transaction.asked += 1
        path = parse_forward_path(arg[3:].lstrip(" "))
        if isinstance(path, BadPath):
            await self._say(Reply.BAD_FORWARD_PATH, reason=path.reason)
        elif path.parameters:
            await self._say(Reply.UNKNOWN_PARAMETER)
        elif not transaction.smtputf8 and not path.address.text.isascii():
            await self._say(Reply.NEEDS_SMTPUTF8)
        else:
            refusal = await recipient_verdict(self._settings.policy, path.address, self._work.known_recipient)
            if refusal is None:
                transaction.forward_paths[path.address.text] = None
            await self._say(refusal or Reply.RECIPIENT_OK)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.4."""
        if arg:
            await self._say(Reply.NO_ARGUMENT_EXPECTED)
        elif self._transaction is None:
            await self._say(Reply.MAIL_FIRST)
        elif not self._transaction.forward_paths:
            await self._say(Reply.RCPT_FIRST)
        else:
            self._in_content = True
            await self._say(Reply.START_CONTENT)
            content = await self._read_content()
            if content is None:
                await self._say_too_large()
                self.end = "endless"
                await self._let_peer_read()
                return
            self._in_content = False
            await self._answer_content(content, self._transaction)
            self._transaction = None

    async def _read_content(self) -> Content | None:
        """Read to the end of the mail; None when it does not come within the allowance."""
        content = Content(
            max_octets=self._settings.max_message_bytes,
            max_line_octets=self._settings.limits.max_content_line_octets,
            allowance=self._settings.max_message_bytes,
        )
        chunk = self._take_ahead()
        while True:
            after = content.feed(chunk)
            if after is not None:
                self._ahead += after
                return content
            if content.exhausted:
                return None
            chunk = await self._read_some()

    async def _answer_content(self, content: Content, transaction: _Transaction) -> None:
        if content.too_large:
            await self._say_too_large()
        elif content.line_too_long:
            limit = str(self._settings.limits.max_content_line_octets)
            await self._say(Reply.CONTENT_LINE_TOO_LONG, limit=limit)
        else:
            await self._file(content.octets(), transaction)

    async def _say_too_large(self) -> None:
        await self._say(Reply.TOO_LARGE, limit=str(self._settings.max_message_bytes))

    async def _file(self, octets: bytes, transaction: _Transaction) -> None:
        """Make the mail durable, then say yes (RFC 5321 6.1)."""
        mail = await self._incoming_mail(octets, transaction)
        try:
            receipt = await self._work.accept(mail)
        except StorageUnavailable:
            await self._say(Reply.STORE_AWAY)
            return
        self._idle = self._commands = 0
        self._work.log.accepted(
            peer=self._peer,
            mail_id=receipt.mail_id,
            size=len(octets),
            reverse_path=mail.envelope.reverse_path,
            recipients=len(mail.envelope.forward_paths),
            duplicate=receipt.duplicate,
        )
        await self._say(Reply.FILED, mail_id=receipt.mail_id)

    async def _incoming_mail(self, octets: bytes, transaction: _Transaction) -> IncomingMail:
        envelope = Envelope(
            reverse_path=transaction.reverse_path,
            forward_paths=tuple(transaction.forward_paths),
            peer=self._peer,
            helo=self._helo,
            tls=self.tls,
            received_at=self._work.now(),
        )
        mail_id = self._work.new_mail_id()
        trace = received_field(
            envelope,
            hostname=self._settings.hostname,
            mail_id=mail_id,
            extended=self._extended,
            smtputf8=transaction.smtputf8,
        )
        if len(octets) <= _DIGEST_INLINE_OCTETS:
            digest = transfer_digest(octets, envelope)
        else:
            digest = await asyncio.to_thread(transfer_digest, octets, envelope)
        return IncomingMail(id=mail_id, envelope=envelope, trace=trace, octets=octets, transfer_digest=digest)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.5."""
        if arg:
            await self._say(Reply.NO_ARGUMENT_EXPECTED)
            return
        self._transaction = None
        await self._say(Reply.OK)

    async def smtp_NOOP(self, arg: str) -> None:  # noqa: ARG002, N802
        """RFC 5321 4.1.1.9; the argument has no meaning."""
        await self._say(Reply.OK)

    async def smtp_VRFY(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.6 and 7.3: tells nobody which addresses exist."""
        await self._say(Reply.CANNOT_VERIFY if arg else Reply.VRFY_SYNTAX)

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.10."""
        if arg:
            await self._say(Reply.NO_ARGUMENT_EXPECTED)
            return
        self.end = "quit"
        await self._say(Reply.BYE, hostname=self._settings.hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        """RFC 3207: afterwards the client is a stranger again (4.2)."""
        if arg:
            await self._say(Reply.NO_ARGUMENT_EXPECTED)
        elif self._settings.tls_context is None:
            await self._say(Reply.NOT_IMPLEMENTED)
        elif self.tls:
            await self._say(Reply.TLS_TWICE)
        else:
            self._helo = self._transaction = None
            try:
                await self._change_to_tls(Reply.START_TLS.line(), self._settings.tls_context)
            except OSError:
                self.end = "tls-handshake"
                raise PeerGone from None


def _verb_and_argument(line: bytes) -> tuple[str, str]:
    """The command in capitals and the rest; what is no UTF-8 becomes surrogates, refused in addresses."""
    text = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    verb, _, argument = text.partition(" ")
    return verb.upper(), argument.strip(" ")


def _peer_address(peername: object) -> str | None:
    """The IP address in what asyncio calls the peer's name; None for a Unix socket."""
    return str(peername[0]) if isinstance(peername, tuple) else None
