"""Holds one conversation: a line in, a reply out, and no more of it than the limits allow."""

from __future__ import annotations

import asyncio
import secrets
from itertools import count
from typing import TYPE_CHECKING, ClassVar

from ingest.receiving.connection import MOST_AHEAD, CommandTooLong, Connection, PeerGone
from ingest.receiving.proxy_header import BadProxyHeader, NeedMore, parse_proxy_header
from ingest.receiving.recipient_policy import is_among
from ingest.receiving.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ingest.receiving.session_terms import SessionPlace, SessionSettings, SessionWork

_COMMANDS_PER_TURN = 100  # pipelined commands after which the other sessions get a turn
_MAX_PROXY_HEADER = 8192
# Of each session, for the log: no other process has the first half, also after a new start.
_PROCESS, _numbers = secrets.token_hex(4), count(1)
_FRESH_SECONDS = 0.05  # within which a client that has something to say has begun to say it


class Conversation(Connection):
    """The loop from command to reply; the commands themselves are its subclasses' business."""

    commands: ClassVar[dict[str, Callable[[Conversation, str], Awaitable[None]]]] = {}
    greeting: ClassVar[Reply] = Reply.GREETING
    known_but_not_offered: ClassVar[frozenset[str]] = frozenset()
    free_before_tls: ClassVar[frozenset[str]] = frozenset()
    idle_commands: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: SessionSettings, work: SessionWork, place: SessionPlace) -> None:
        super().__init__(
            hostname=settings.hostname,
            timeout=settings.limits.timeout_seconds,
            max_command_octets=settings.limits.max_command_octets,
        )
        self._settings = settings
        self._work = work
        self._place = place
        self.id = f"{_PROCESS}-{next(_numbers):x}"  # in every line of the log about this session
        self.connected_peer: str | None = None  # IP address; None on a Unix socket
        self.peer: str | None = None  # the same, or whom a relay names with XCLIENT
        self._closing = False  # the listener drains: this session ends before its next command
        self._connected = False  # and told to the log, which hears of an end for each beginning
        self._begun = self.loop.time()
        self._fresh = True  # no mail has come yet
        self._stage = "CONNECT"
        self._in_content = False  # the client sends mail octets, which must never be read as commands
        self._errors = 0
        self._idle = 0
        self._commands = 0  # since the last mail

    # For the listener.

    def close_when_idle(self) -> None:
        """End after the command under way, or now if there is none; a mail being sent may be finished."""
        self._closing = True
        if self.waits_for_command and not self.in_mail:
            self.hang_up(Reply.CLOSING.line(), "drained")

    @property
    def in_transaction(self) -> bool:
        """True from MAIL to the reply to the mail (RFC 5321 3.3)."""
        return False

    @property
    def in_mail(self) -> bool:
        """True between the chunks of a mail."""
        return False

    @property
    def octets_arrived(self) -> int:
        """Of the mail that is on its way; 0 between mails."""
        return 0

    @property
    def expects_mail(self) -> bool:
        """True when a mail is about to come: within its transaction, and at first after connecting."""
        return self.in_transaction or (self._fresh and self.loop.time() < self._begun + _FRESH_SECONDS)

    # The conversation.

    async def _handle_client(self) -> None:
        """The whole life of the connection; cancelled when the connection is lost."""
        try:
            self.connected_peer = _peer_address(self._open_transport().get_extra_info("peername"))
            await self._meet()
        except PeerGone:
            pass  # self.end says "left", unless the end was ours
        finally:
            self._stop_timer()
            self._place.leave(self)
            self._close_soon()
            if self._connected:
                self._work.log.closed(session=self.id, peer=self.peer, reason=self.end)

    async def _meet(self) -> None:
        """Find out who is there, and talk to them if there is room."""
        proxied = is_among(self._settings.proxies, self.connected_peer)
        try:
            understood = not proxied or await self._read_proxy_header()
        finally:
            self.peer = self.connected_peer
            self._work.log.connected(session=self.id, peer=self.peer)
            self._connected = True
        if not understood:
            await self._end(Reply.BAD_PROXY_HEADER, "proxy-header")
            return
        refusal = self._place.enter(self)
        if refusal is not None:
            await self._end(refusal, "refused")
            return
        if self._place.implicit_tls:
            await self._secure(b"")
        await self._converse()

    async def _read_proxy_header(self) -> bool:
        """Learn the true peer from the proxy in front of us (PROXY protocol); False when it does not say."""
        arrived = b""
        while True:
            arrived += await self._read_some()
            header = parse_proxy_header(arrived)
            if isinstance(header, NeedMore) and len(arrived) <= _MAX_PROXY_HEADER:
                continue
            if isinstance(header, NeedMore | BadProxyHeader):
                return False
            self.connected_peer = header.peer or self.connected_peer
            self._put_back(arrived[header.consumed :])
            return True

    async def _secure(self, ready: bytes) -> None:
        """Say `ready` and change to TLS. Raises PeerGone when the handshake fails."""
        if self._settings.tls is None:
            raise PeerGone
        self.end = "tls-handshake"  # unless it succeeds, also where the connection is lost meanwhile
        try:
            await self._change_to_tls(self._settings.tls(), ready=ready)
        except OSError:
            raise PeerGone from None
        self.end = "left"

    async def _converse(self) -> None:
        self._greet()
        while True:
            if self._closing and not self.in_mail:
                self.end = "drained"
                self._say(Reply.CLOSING)
                return
            try:
                line = await self._read_command_line()
            except CommandTooLong as error:
                self._stage = "COMMAND"
                self._say(Reply.COMMAND_TOO_LONG)
                if error.endless:
                    await self._end(Reply.TOO_MANY_ERRORS, "endless")
                    return
            else:
                await self._obey(line)
            if self.end != "left":
                return
            last_reply = self._limit_reached()
            if last_reply is not None:
                await self._end(last_reply, "errors")
                return
            if self._commands % _COMMANDS_PER_TURN == 0 or len(self._replies) > MOST_AHEAD:
                await self._send()
                await asyncio.sleep(0)

    def _greet(self) -> None:
        self._say(self.greeting, hostname=self._settings.hostname)

    def _limit_reached(self) -> Reply | None:
        """Counts one more command; the last reply when there were too many."""
        limits = self._settings.limits
        self._commands += 1
        if self._errors >= limits.max_errors:
            return Reply.TOO_MANY_ERRORS
        if self._idle > limits.max_idle_commands or self._commands > limits.max_commands:
            return Reply.TOO_MANY_IDLE_COMMANDS
        return None

    async def _obey(self, line: bytes) -> None:
        """One command line to one reply."""
        verb, argument = _verb_and_argument(line)
        command = self.commands.get(verb)
        self._stage = verb if command is not None else "COMMAND"
        if not line.endswith(b"\r\n"):
            self._say(Reply.COMMAND_LINE_END)
        elif command is None:
            known = verb in self.known_but_not_offered
            self._say(Reply.NOT_IMPLEMENTED if known else Reply.UNKNOWN_COMMAND)
        elif self._settings.require_tls and not self.tls and verb not in self.free_before_tls:
            self._say(Reply.TLS_REQUIRED)
        else:
            self._idle += verb in self.idle_commands
            try:
                await command(self, argument)
            except PeerGone:
                raise
            except Exception as error:
                # Whatever breaks in a command, the client only learns an incident id.
                self._reply((await self.handle_exception(error)).encode("ascii") + b"\r\n")
                if self._in_content:
                    # What the client goes on sending is mail, and must not be read as commands.
                    self.end = "failed"
                    await self._let_peer_read()

    async def handle_exception(self, error: Exception) -> str:
        """The reply line to a bug or a failing part of ours; the cause goes to the log alone."""
        incident = secrets.token_hex(6)
        self._work.log.failed(
            session=self.id, peer=self.peer, stage=self._stage, incident=incident, error=error
        )
        self._forget_mail()
        return Reply.INCIDENT.text(incident=incident)

    def _forget_mail(self) -> None:
        """Drop the mail transaction, if there is one."""

    def _say(self, reply: Reply, **words: str) -> None:
        """Say a reply; one that refuses is told to the log and may count as an error."""
        if reply.code >= 400:
            self._work.log.rejected(
                session=self.id,
                peer=self.peer,
                stage=self._stage,
                reason=reply.label,
                reply=reply.text(**words),
            )
            self._errors += reply.is_protocol_error
        self._reply(reply.line(**words))

    async def _end(self, reply: Reply, reason: str, **words: str) -> None:
        """Say a last reply and see that the client can read it."""
        self.end = reason
        self._say(reply, **words)
        await self._let_peer_read()


def _verb_and_argument(line: bytes) -> tuple[str, str]:
    """The command in capitals and the rest; what is no UTF-8 becomes surrogates, refused in addresses."""
    text = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    verb, _, argument = text.partition(" ")
    return verb.upper(), argument.strip(" ")


def _peer_address(peername: object) -> str | None:
    """The IP address in what asyncio calls the peer's name; None for a Unix socket."""
    return str(peername[0]) if isinstance(peername, tuple) and peername else None
