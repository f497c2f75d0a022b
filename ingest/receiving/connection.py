"""Carries the talk of one connection: lines in, replies out, a deadline for the peer, the change to TLS."""

from __future__ import annotations

import asyncio
import functools
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

from aiosmtpd.smtp import SMTP

from ingest.receiving.replies import Reply

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

MOST_AHEAD = 64 * 1024  # octets that wait for us before the peer is held back; libuv reads up to 256 KiB more
_CLOSING_SECONDS = 5.0  # for the peer to take our last reply
_TLS_HANDSHAKE_SECONDS = 60.0
_MAX_OVERLONG_LINE = 1024 * 1024  # octets read in search of the end of a command line that is too long


class PeerGone(Exception):  # noqa: N818  -- not our error: the peer has closed the connection
    """The peer has closed its side; there is nothing more to read."""


class CommandTooLong(Exception):  # noqa: N818  -- the peer's error, answered by a reply
    """A command line was longer than allowed; `endless` when not even its end was found."""

    def __init__(self, *, endless: bool) -> None:
        super().__init__()
        self.endless = endless


class _NoHandler:
    """aiosmtpd looks for hooks on a handler; a session is its own, so it shall find nothing here."""

    def __dir__(self) -> Iterable[str]:
        return ()


class _Session(Protocol):
    """What the connection starts: the conversation on it."""

    async def _handle_client(self) -> None: ...


_NO_HANDLER = _NoHandler()


@functools.lru_cache(maxsize=8)
def _constructed(loop: asyncio.AbstractEventLoop, hostname: str, timeout: float) -> dict[str, Any]:
    """What aiosmtpd's constructor makes, which it does by looking through all members: once is enough.

    Nothing in it changes but what is replaced as a whole.
    """
    return vars(SMTP(_NO_HANDLER, hostname=hostname, enable_SMTPUTF8=True, timeout=timeout, loop=loop))


class Connection(SMTP):
    """What aiosmtpd does with a connection, with the reading, the timers and the STARTTLS of ours.

    Not taken from aiosmtpd: its stream of lines (each command would wake a task twice, and a mail would be a list
    of lines), a cancelled handler at the peer's half-close (the last replies would be lost), a timer that runs
    while we work, and one that ends without a word.
    """

    transport: asyncio.Transport | None

    def __init__(self, *, hostname: str, timeout: float, max_command_octets: int) -> None:
        self.__dict__.update(_constructed(asyncio.get_running_loop(), hostname, timeout))
        self._max_command_octets = max_command_octets
        # Arrived, not yet used: among it pipelined commands (RFC 2920). As it came while there is nothing else, so that
        # most of a mail is not copied.
        self._ahead: bytes | bytearray = b""
        self._replies = bytearray()  # said, not yet sent: the replies to a batch go out in one piece
        self._no_more = False  # the peer has ended its side, or the connection is lost
        self._held_back = False  # the peer sent more than we wanted to have waiting
        self._arrival: asyncio.Future[None] | None = None  # waited for while there is nothing to read
        self._relief: asyncio.Future[None] | None = None  # there while the peer takes nothing
        self._peer_deadline = math.inf  # loop time; endless while it is our turn
        self.waits_for_command = False
        self.tls = False  # true from the handshake on
        self.end = "left"  # why the connection ended, for the log

    # Reading.

    async def _read_some(self, seconds: float | None = None) -> bytes | bytearray:
        """Everything that has arrived, at least an octet, within `seconds` (the timeout when None).

        Raises PeerGone at the end of what the peer sends, or when the connection broke.
        """
        if not self._ahead:
            await self._wait_for_octets(seconds or self._timeout_duration)
        octets, self._ahead = self._ahead, b""
        return octets

    def _put_back(self, octets: bytes | bytearray) -> None:
        """Octets that were read are to be read again, before what has arrived since."""
        self._ahead = bytearray(octets) + self._ahead

    def _first(self, count: int) -> bytes:
        """So many octets of what has arrived."""
        first = bytes(self._ahead[:count])
        if isinstance(self._ahead, bytearray):
            del self._ahead[:count]  # in no time, however much is there
        else:
            self._ahead = bytearray(self._ahead[count:])
        return first

    async def _wait_for_octets(self, seconds: float) -> None:
        """Send what was said, then wait until more has arrived. Raises PeerGone."""
        if self._replies:
            await self._send()
        if self._held_back:
            self._held_back = False
            self._open_transport().resume_reading()
        if self._no_more:
            raise PeerGone
        self._arrival = self.loop.create_future()
        self._peer_deadline = self.loop.time() + seconds
        try:
            await self._arrival
        finally:
            self._arrival = None
            self._peer_deadline = math.inf
        if self._no_more and not self._ahead:
            raise PeerGone

    async def _read_command_line(self) -> bytes:
        """The next line up to its LF, all of it within the timeout.

        Raises PeerGone, and CommandTooLong once its end has passed by.
        """
        searched = dropped = 0
        give_up_at = None
        while True:
            end = self._ahead.find(b"\n", searched)
            if end >= 0:
                line = self._first(end + 1)
                if dropped or len(line) > self._max_command_octets:
                    raise CommandTooLong(endless=False)
                return line
            searched = len(self._ahead)
            if dropped or searched > self._max_command_octets:
                dropped += searched
                self._ahead = b""
                searched = 0
                if dropped > _MAX_OVERLONG_LINE:
                    raise CommandTooLong(endless=True)
            if give_up_at is None:
                give_up_at = self.loop.time() + self._timeout_duration
            self.waits_for_command = True
            try:
                await self._wait_for_octets(give_up_at - self.loop.time())
            finally:
                self.waits_for_command = False

    # Writing.

    def _reply(self, octets: bytes) -> None:
        """Say one whole reply. It is sent when we next wait for the peer, or close."""
        self._replies += octets

    async def _send(self) -> None:
        """Send what was said; waits while the peer takes nothing. Raises PeerGone when the connection broke."""
        if not self._send_now():
            raise PeerGone
        if self._relief is not None:
            self._peer_deadline = self.loop.time() + self._timeout_duration
            try:
                await self._relief
            finally:
                self._peer_deadline = math.inf

    def _send_now(self) -> bool:
        transport = self.transport
        if transport is None or transport.is_closing():
            return False
        if self._replies:
            transport.write(bytes(self._replies))
            self._replies.clear()
        return True

    def hang_up(self, last_line: bytes, end: str) -> None:
        """Say a last line and close, from outside the session's own task."""
        if self.transport is None or self.transport.is_closing():
            return
        self.end = end
        self._replies += last_line
        self._close_soon()

    def abort(self, end: str) -> None:
        """Cut the connection at once."""
        self.end = end
        if self.transport is not None:
            self.transport.abort()

    def _close_soon(self) -> None:
        """Close once the peer has taken what was said, but do not wait for it for ever."""
        transport = self.transport
        if transport is None or not self._send_now():
            return
        unsent = transport.get_write_buffer_size()
        transport.close()
        if unsent:
            self.loop.call_later(_CLOSING_SECONDS, transport.abort)

    async def _let_peer_read(self) -> None:
        """Read away what the peer still sends: a close now would be a reset and lose our last reply."""
        with suppress(TimeoutError, PeerGone):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._send()
                transport = self._open_transport()
                if transport.can_write_eof():
                    transport.write_eof()
                while True:
                    await self._read_some()

    # TLS.

    async def _change_to_tls(self, context: ssl.SSLContext, *, ready: bytes = b"") -> None:
        """Say `ready` and do the handshake (RFC 3207).  Raises OSError (also ssl.SSLError) when it fails.

        Whatever was sent in the clear after STARTTLS is dropped unread (section 6: injected commands). Where TLS
        comes first and nothing is said before, what has arrived is the beginning of the handshake (RFC 8314 3).
        """
        self._replies += ready
        if not self._send_now():
            raise ConnectionResetError
        plain = self._open_transport()
        plain.pause_reading()  # till the new protocol is there, which resumes it
        hello = b"" if ready else bytes(self._ahead)
        self._ahead = b""
        self._held_back = False
        self.tls = True
        self._original_transport = plain
        changing = self.loop.create_task(
            self.loop.start_tls(
                plain,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=min(self._timeout_duration, _TLS_HANDSHAKE_SECONDS),
                ssl_shutdown_timeout=_CLOSING_SECONDS,
            )
        )
        await asyncio.sleep(
            0
        )  # now the new protocol is in the place of ours, and begins in the next turn of the loop
        self.loop.call_soon(_feed, plain, hello)
        secured = await changing
        if secured is None or self._no_more:  # the peer went away in the middle
            raise ConnectionResetError
        self.transport = secured

    def _open_transport(self) -> asyncio.Transport:
        if self.transport is None:
            raise PeerGone
        return self.transport

    # What asyncio tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there: its conversation begins."""
        self.transport = cast("asyncio.Transport", transport)
        self._reset_timeout()
        self._handler_coroutine = self.loop.create_task(cast("_Session", self)._handle_client())

    def data_received(self, data: bytes) -> None:
        """More has arrived."""
        if not self._ahead:
            self._ahead = data
        elif isinstance(self._ahead, bytearray):
            self._ahead += data
        else:
            self._ahead = bytearray(self._ahead) + data
        self._wake(self._arrival)
        if len(self._ahead) > MOST_AHEAD and not self._held_back and self.transport is not None:
            self._held_back = True
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The peer sends no more; it may still read, so the session goes on to its last reply.

        Not so under TLS, where asyncio cannot keep one direction open.
        """
        self._no_more = True
        self._wake(self._arrival)
        return not self.tls

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  -- asyncio's signature
        """There is nobody any more to talk to; a commit under way goes on without the session."""
        self._no_more = True
        self._stop_timer()
        if self._original_transport is not None:
            self._original_transport.close()
        self.transport = None
        for waiting in (self._arrival, self._relief):
            self._wake(waiting)
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()

    def pause_writing(self) -> None:
        """The peer does not take what we say."""
        self._relief = self.loop.create_future()

    def resume_writing(self) -> None:
        """It takes it again."""
        relief, self._relief = self._relief, None
        self._wake(relief)

    @staticmethod
    def _wake(waiting: asyncio.Future[None] | None) -> None:
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _stop_timer(self) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Start the one timer of the connection; it looks at the deadline and sets itself again."""
        self._stop_timer()
        self._timeout_handle = self.loop.call_later(duration or self._timeout_duration, self._timeout_cb)

    def _timeout_cb(self) -> None:
        left = self._peer_deadline - self.loop.time()
        if left > 0:
            self._reset_timeout(min(left, self._timeout_duration))
        elif self.transport is not None and self.transport.get_write_buffer_size():
            self.abort("timeout")  # it does not even take what was said before
        else:
            self.hang_up(Reply.TIMEOUT.line(), "timeout")


def _feed(transport: asyncio.Transport, octets: bytes) -> None:
    """Gives the transport's protocol, which is that of TLS now, what was read before its time."""
    protocol = cast("asyncio.BufferedProtocol", transport.get_protocol())
    while octets:
        buffer = protocol.get_buffer(len(octets))
        taken = min(len(buffer), len(octets))  # type: ignore[arg-type]  # a memoryview
        buffer[:taken] = octets[:taken]  # type: ignore[index]
        protocol.buffer_updated(taken)
        octets = octets[taken:]


def commands_of(session: type[Connection], *offered: str) -> dict[str, Any]:
    """The table of commands of a class of sessions, made once: "EHLO" to its method `smtp_EHLO`."""
    return {name: getattr(session, f"smtp_{name}") for name in offered}
