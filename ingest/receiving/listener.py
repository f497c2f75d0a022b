"""Owns the sessions on some sockets: lets them in, counts, drains."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from ingest.receiving.lmtp import LmtpSession
from ingest.receiving.replies import Reply
from ingest.receiving.session import SmtpSession
from ingest.receiving.sockets import BACKLOG

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from ingest.receiving.conversation import Conversation
    from ingest.receiving.session_terms import SessionSettings, SessionWork
    from ingest.receiving.steering import Steering

_MANY_SESSIONS = 100  # their mails come together by themselves
_ABORT_SECONDS = 5.0  # for sessions that were cut off to come to their end


class Service(StrEnum):
    """What is spoken on a socket."""

    SMTP = "smtp"
    SMTPS = "smtps"  # TLS before the greeting (RFC 8314)
    LMTP = "lmtp"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A listening socket and what is spoken on it."""

    socket: socket.socket
    service: Service
    address: str  # as settings write it, with its real port


@dataclass(slots=True)
class Crowd:
    """Everybody who is there, and how many there may be."""

    max_sessions: int = 1000
    max_sessions_per_peer: int = 500
    sessions: set[Conversation] = field(default_factory=set)
    of_peer: Counter[str] = field(default_factory=Counter)

    def refusal(self, peer: str | None) -> Reply | None:
        """Why one more from this peer cannot be let in."""
        if len(self.sessions) >= self.max_sessions:
            return Reply.TOO_MANY_SESSIONS
        if peer is not None and self.of_peer[peer] >= self.max_sessions_per_peer:
            return Reply.TOO_MANY_SESSIONS_OF_PEER
        return None

    def add(self, session: Conversation) -> None:
        """One more is there."""
        self.sessions.add(session)
        if session.connected_peer is not None:
            self.of_peer[session.connected_peer] += 1

    def remove(self, session: Conversation) -> None:
        """One less; nothing happens for one that was not let in."""
        if session not in self.sessions:
            return
        self.sessions.remove(session)
        peer = session.connected_peer
        if peer is not None:
            self.of_peer[peer] -= 1
            if not self.of_peer[peer]:
                del self.of_peer[peer]


class _Place:
    """One endpoint as its sessions see it."""

    def __init__(self, listener: Listener, service: Service) -> None:
        self._listener = listener
        self.implicit_tls = service is Service.SMTPS

    def enter(self, session: Conversation) -> Reply | None:
        return self._listener.enter(session)

    def leave(self, session: Conversation) -> None:
        self._listener.leave(session)


class Listener:
    """Sessions on listening sockets, which it closes when it drains."""

    def __init__(
        self,
        settings: SessionSettings,
        work: SessionWork,
        endpoints: Sequence[Endpoint],
        *,
        crowd: Crowd | None = None,
        steering: Steering | None = None,
    ) -> None:
        self._settings = settings
        self._work = work
        self._endpoints = tuple(endpoints)
        self._crowd = crowd or Crowd()
        self._steering = steering
        self._servers: list[asyncio.Server] = []
        self._met: set[Conversation] = set()  # also those who have not been let in yet
        self._empty = asyncio.Event()
        self._empty.set()
        self._draining = False

    @property
    def addresses(self) -> list[str]:
        """Where mail is taken, with real ports; unix:PATH for a Unix socket."""
        return [endpoint.address for endpoint in self._endpoints]

    @property
    def session_count(self) -> int:
        """How many sessions are open."""
        return len(self._crowd.sessions)

    @property
    def mails_expected(self) -> int:
        """How many mails are on their way in; none where so many are that nobody needs to wait for them."""
        if len(self._crowd.sessions) > _MANY_SESSIONS:
            return 0
        return sum(session.expects_mail for session in self._crowd.sessions)

    async def start(self) -> None:
        """Take connections. Raises OSError."""
        loop = asyncio.get_running_loop()
        for endpoint in self._endpoints:
            session = LmtpSession if endpoint.service is Service.LMTP else SmtpSession
            place = _Place(self, endpoint.service)

            def protocol(session: type[SmtpSession] = session, place: _Place = place) -> SmtpSession:
                met = session(self._settings, self._work, place)
                self._met.add(met)
                self._empty.clear()
                return met

            family = endpoint.socket.family
            create = loop.create_unix_server if family.name == "AF_UNIX" else loop.create_server
            self._servers.append(await create(protocol, sock=endpoint.socket, backlog=BACKLOG))
        self._steer()

    async def drain(self, deadline_seconds: float) -> None:
        """Take no more connections, let mails being sent come to their end, close.

        Idle sessions get 421 at once. Those that are not done after `deadline_seconds` are cut off; a commit
        that has begun still goes on, and its sender, not told, will send again.
        """
        self._draining = True
        for server in self._servers:
            server.close()
        for session in list(self._met):
            session.close_when_idle()
        if not await self._emptied(deadline_seconds):
            for session in list(self._met):
                session.abort("cut-off")
            await self._emptied(_ABORT_SECONDS)

    async def _emptied(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        return self._empty.is_set()

    def enter(self, session: Conversation) -> Reply | None:
        """See `SessionPlace`."""
        refusal = self._crowd.refusal(session.connected_peer)
        if refusal is None:
            self._crowd.add(session)
            self._steer()
            if self._draining:
                session.close_when_idle()
        return refusal

    def leave(self, session: Conversation) -> None:
        """See `SessionPlace`."""
        self._crowd.remove(session)
        self._steer()
        self._met.discard(session)
        if not self._met:
            self._empty.set()

    def _steer(self) -> None:
        if self._steering is not None:
            self._steering.count(self._crowd.sessions)
