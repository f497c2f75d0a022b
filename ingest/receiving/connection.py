"""Carries the talk of one connection: lines in, replies out, a deadline for the peer, the change to TLS."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from aiosmtpd.smtp import SMTP

from ingest.receiving.replies import Reply

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

_CHUNK = 256 * 1024  # octets; what the event loop takes from a socket at once
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


_NO_HANDLER = _NoHandler()


class Connection(SMTP):
    """What aiosmtpd does with a connection, with the reading, the timers and the STARTTLS of ours.

    Not taken from aiosmtpd: a cancelled handler at the peer's half-close (the last replies would be lost), a
    timer that runs while we work, one that ends without a word, and a stream limit of one line.
    """

    # The limit of the stream; asyncio pauses the socket at twice as much.
    line_length_limit = 64 * 1024

    offered_commands: ClassVar[tuple[str, ...]] = ()  # names of the smtp_* methods that aiosmtpd shall find

    def __init__(
        self, *, hostname: str, tls_context: ssl.SSLContext | None, timeout: float, max_command_octets: int
    ) -> None:
        super().__init__(
            _NO_HANDLER,
            hostname=hostname,
            enable_SMTPUTF8=True,
            tls_context=tls_context,
            timeout=timeout,
            loop=asyncio.get_running_loop(),
        )
        self._max_command_octets = max_command_octets
        self._ahead = bytearray()  # read from the stream, not yet used: pipelined commands (RFC 2920)
        self._peer_deadline = math.inf  # loop time; endless while it is our turn
        self.waits_for_command = False
        self.tls = False  # true from the handshake on
        self.end = "left"  # why the connection ended, for the log

    def __dir__(self) -> Iterable[str]:
        """Only the commands; aiosmtpd looks at each member anew for every connection, which costs."""
        return self.offered_commands

    # Reading.

    async def _read_some(self) -> bytes:
        """Some octets from the peer.  Raises PeerGone at its end or when the connection broke.

        An OSError of the connection must not be taken for one of ours, nor the other way round.
        """
        self._peer_deadline = self.loop.time() + self._timeout_duration
        try:
            octets = await self._reader.read(_CHUNK)
        except OSError as error:
            raise PeerGone from error
        finally:
            self._peer_deadline = math.inf
        if not octets:
            raise PeerGone
        return octets

    def _take_ahead(self) -> bytes:
        """What was read already and not yet used."""
        octets = bytes(self._ahead)
        self._ahead.clear()
        return octets

    async def _read_command_line(self) -> bytes:
        """The next line up to its LF.  Raises PeerGone, and CommandTooLong once its end has passed by."""
        dropped = 0
        while True:
            end = self._ahead.find(b"\n")
            if end >= 0:
                line = bytes(self._ahead[: end + 1])
                del self._ahead[: end + 1]
                if dropped or len(line) > self._max_command_octets:
                    raise CommandTooLong(endless=False)
                return line
            if dropped or len(self._ahead) > self._max_command_octets:
                dropped += len(self._ahead)
                self._ahead.clear()
                if dropped > _MAX_OVERLONG_LINE:
                    raise CommandTooLong(endless=True)
            self.waits_for_command = True
            try:
                self._ahead += await self._read_some()
            finally:
                self.waits_for_command = False

    # Writing.

    async def push(self, status: str | bytes) -> None:
        """Write one whole reply in one piece; CRLF is added to text.

        Waits while the peer takes nothing.  Raises PeerGone when the connection broke.
        """
        self._writer.write(status.encode("ascii") + b"\r\n" if isinstance(status, str) else status)
        transport = self._writer.transport
        if not transport.is_closing() and transport.get_write_buffer_size():
            self._peer_deadline = self.loop.time() + self._timeout_duration
            try:
                await self._writer.drain()
            except OSError as error:
                raise PeerGone from error
            finally:
                self._peer_deadline = math.inf

    def hang_up(self, last_line: bytes, end: str) -> None:
        """Say a last line and close, from outside the session's own task."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        self.end = end
        self._writer.write(last_line)
        self._close_soon()

    def abort(self, end: str) -> None:
        """Cut the connection at once."""
        self.end = end
        if self._writer is not None and self.transport is not None:
            self._writer.transport.abort()

    def _close_soon(self) -> None:
        """Close once the peer has taken what is written, but do not wait for it for ever."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        unsent = transport.get_write_buffer_size()
        transport.close()
        if unsent:
            self.loop.call_later(_CLOSING_SECONDS, transport.abort)

    async def _let_peer_read(self) -> None:
        """Read away what the peer still sends: a close now would be a reset and lose our last reply."""
        transport = self._writer.transport
        if transport.can_write_eof():
            transport.write_eof()
        with suppress(TimeoutError, PeerGone):
            async with asyncio.timeout(_CLOSING_SECONDS):
                while True:
                    await self._read_some()

    # TLS.

    async def _change_to_tls(self, ready: bytes, context: ssl.SSLContext) -> None:
        """Say `ready` and do the handshake (RFC 3207).  Raises OSError (also ssl.SSLError) when it fails.

        Whatever was sent in the clear after STARTTLS is dropped unread (section 6: injected commands). There
        is no await between that and the new protocol, so nothing can arrive in between and nothing of the
        handshake is lost.
        """
        plain = self._writer.transport
        self._ahead.clear()
        self._reader._buffer.clear()  # type: ignore[attr-defined]  # it has no public way
        self.tls = True
        plain.write(ready)
        handshake = min(self._timeout_duration, _TLS_HANDSHAKE_SECONDS)
        secured = await self.loop.start_tls(
            plain,
            self,
            context,
            server_side=True,
            ssl_handshake_timeout=handshake,
            ssl_shutdown_timeout=_CLOSING_SECONDS,
        )
        if secured is None:  # the peer went away in the middle
            raise ConnectionResetError
        self._original_transport = plain
        self.transport = secured
        # As aiosmtpd does. Not a new writer: from Python 3.13 on, the old one closes its transport when it goes.
        self._reader._transport = secured  # type: ignore[attr-defined]
        self._writer._transport = secured  # type: ignore[attr-defined]

    # What asyncio tells us.

    def eof_received(self) -> bool:
        """The peer sends no more; it may still read, so the session goes on to its last reply.

        Not so under TLS, where asyncio cannot keep one direction open.
        """
        self._reader.feed_eof()
        return not self.tls

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Start the one timer of the connection; it looks at the deadline and sets itself again."""
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._timeout_handle = self.loop.call_later(duration or self._timeout_duration, self._timeout_cb)

    def _timeout_cb(self) -> None:
        left = self._peer_deadline - self.loop.time()
        if left > 0:
            self._reset_timeout(min(left, self._timeout_duration))
        elif self._writer.transport.get_write_buffer_size():
            self.abort("timeout")  # it does not even take what was said before
        else:
            self.hang_up(Reply.TIMEOUT.line(), "timeout")
