"""Owns the sockets and the sessions on them: opens, counts, drains."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ingest.receiving.session import SmtpSession

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.receiving.session_terms import SessionSettings, SessionWork

_BACKLOG = 512
_ABORT_SECONDS = 5.0  # for sessions that were cut off to come to their end


class Listener:
    """SMTP on some sockets.

    `listen` are addresses as text, "127.0.0.1:8025" or "[::1]:8025"; port 0 takes a free one.  `sockets` are
    listening sockets that somebody else has opened (socket activation).
    """

    def __init__(
        self,
        settings: SessionSettings,
        work: SessionWork,
        *,
        listen: Iterable[str] = (),
        sockets: Iterable[socket.socket] = (),
        max_sessions: int = 1000,
    ) -> None:
        self._settings = settings
        self._work = work
        self._listen = tuple(listen)
        self._inherited = tuple(sockets)
        self._max_sessions = max_sessions
        self._servers: list[asyncio.Server] = []
        self._sessions: set[SmtpSession] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._draining = False

    @property
    def addresses(self) -> list[str]:
        """Where mail is taken, with real ports; the path for a Unix socket."""
        return [_written(open_socket) for server in self._servers for open_socket in server.sockets]

    @property
    def session_count(self) -> int:
        """How many sessions are open."""
        return len(self._sessions)

    async def start(self) -> None:
        """Open the sockets and take connections.

        Raises ValueError for an address that is not one, and OSError naming the address that cannot be had;
        nothing is left open then.
        """
        opened: list[socket.socket] = []
        try:
            for address in self._listen:
                opened.append(_open(address))  # noqa: PERF401  -- `except` must know those opened so far
            for open_socket in (*opened, *self._inherited):
                await self._serve(open_socket)
        except BaseException:
            for server in self._servers:
                server.close()
            for open_socket in opened:
                open_socket.close()
            raise

    async def _serve(self, open_socket: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(self._new_session, sock=open_socket, backlog=_BACKLOG)
        except OSError as error:
            raise _named(error, _written(open_socket)) from error
        self._servers.append(server)

    async def drain(self, deadline_seconds: float) -> None:
        """Take no more connections, let mails being sent come to their end, close.

        Idle sessions get 421 at once. Those that are not done after `deadline_seconds` are cut off; a commit
        that has begun still goes on, and its sender, not told, will send again.
        """
        self._draining = True
        for server in self._servers:
            server.close()
        for session in list(self._sessions):
            session.close_when_idle()
        if not await self._emptied(deadline_seconds):
            for session in list(self._sessions):
                session.abort("cut-off")
            await self._emptied(_ABORT_SECONDS)

    async def _emptied(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        return self._empty.is_set()

    def _new_session(self) -> SmtpSession:
        return SmtpSession(
            self._settings, self._work, on_open=self._open_session, on_close=self._close_session
        )

    def _open_session(self, session: SmtpSession) -> bool:
        if len(self._sessions) >= self._max_sessions:
            return False
        self._sessions.add(session)
        self._empty.clear()
        if self._draining:
            session.close_when_idle()
        return True

    def _close_session(self, session: SmtpSession) -> None:
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()


def _open(address: str) -> socket.socket:
    """A bound socket for "host:port" or "[IPv6]:port"; see `Listener.start` for the errors."""
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or not host.strip("[]"):
        raise ValueError(f"{address!r} is no address to listen on; expected host:port or [IPv6]:port")
    if ":" in host and not bracketed:
        raise ValueError(f"{address!r}: an IPv6 address stands in brackets, [IPv6]:port")
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return _bound(socket.socket(family, kind, protocol), target)
    except OSError as error:
        raise _named(error, address) from error


def _named(error: OSError, address: str) -> OSError:
    """The same error, saying which address it is about."""
    return OSError(error.errno, f"cannot listen on {address}: {error.strerror or error}")


def _bound(new_socket: socket.socket, target: tuple[Any, ...]) -> socket.socket:
    try:
        new_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if new_socket.family == socket.AF_INET6:
            # One socket, one family: IPv4 clients then never appear as ::ffff:1.2.3.4.
            new_socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        new_socket.bind(target)
        new_socket.setblocking(False)
    except OSError:
        new_socket.close()
        raise
    return new_socket


def _written(open_socket: socket.socket) -> str:
    name = open_socket.getsockname()
    if not isinstance(name, tuple):
        return str(name)
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
