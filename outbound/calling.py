"""Calls an address of a company's program over HTTP, and never one inside our own network unless that is allowed."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore2 as httpcore

from storage.outgoing.webhook_addresses import Address, Network, is_allowed, is_reachable

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0  # for all of a call
MOST_ANSWER_OCTETS = 64 * 1024  # what comes behind is not read, and the connection closed
MOST_ADDRESSES = 3  # of a name, that are tried
LONGEST_WAIT_SECONDS = 86400  # that a receiver may ask for
INSIDE = "its address is inside a network that is not called; the operator allows some in webhooks.allowed_networks"
USER_AGENT = b"invoices-mailbox (webhooks)"


class Forbidden(Exception):  # noqa: N818  -- says what is the matter
    """The address lies where we do not connect to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a call."""

    status: int | None  # RFC 9110 15; None: there was no answer
    said: str  # in words
    wait_seconds: int | None = None  # what the receiver asks for (Retry-After, RFC 9110 10.2.3)

    @property
    def taken(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def unwanted(self) -> bool:
        """Whether the receiver wants no further call, ever."""
        return self.status == 410


class _Network(httpcore.AsyncNetworkBackend):
    """Looks a name up once, and connects to what it found and nothing else: so no later answer of the DNS counts."""

    def __init__(self, allowed: Sequence[Network], *, only_allowed: bool) -> None:
        self._allowed = allowed
        self._only_allowed = only_allowed
        self._connects = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore. Raises Forbidden, httpcore.ConnectError, httpcore.ConnectTimeout."""
        async with asyncio.timeout(timeout):
            addresses = await _looked_up(host, port)
        reachable = [one for one in addresses if self._may(one)]
        if not reachable:
            raise Forbidden
        for address in reachable[:MOST_ADDRESSES]:
            try:
                return await self._connects.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    def _may(self, address: Address) -> bool:
        if self._only_allowed:
            return is_allowed(address, self._allowed)
        return is_reachable(address, self._allowed)


class Calls:
    """Connections to programs; those of one address are used again while calls follow each other."""

    def __init__(self, tls: httpcore.AsyncConnectionPool, plain: httpcore.AsyncConnectionPool) -> None:
        self._pools = {"https": tls, "http": plain}

    async def post(self, url: str, fields: Mapping[str, str], body: bytes) -> Answer:
        """Hands `body` (JSON) to an address."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._post(url, fields, body)
        except Forbidden:
            return _unreached(INSIDE)
        except TimeoutError:
            return _unreached(f"no answer within {ANSWER_SECONDS:.0f} seconds")
        except httpcore.TimeoutException:
            return _unreached(f"no connection within {CONNECT_SECONDS:.0f} seconds")
        except (httpcore.NetworkError, OSError) as error:
            return _unreached(f"it cannot be reached: {_words(error)}")
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, ValueError) as error:
            return _unreached(f"it does not speak HTTP: {_words(error)}")

    async def _post(self, url: str, fields: Mapping[str, str], body: bytes) -> Answer:
        pool = self._pools[urlsplit(url).scheme]
        headers = [
            (b"Host", urlsplit(url).netloc.encode()),
            (b"User-Agent", USER_AGENT),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(body)).encode()),
            *((name.encode(), value.encode()) for name, value in fields.items()),
        ]
        timeouts = {"connect": CONNECT_SECONDS, "read": ANSWER_SECONDS, "write": ANSWER_SECONDS}
        async with pool.stream(
            "POST", url, headers=headers, content=body, extensions={"timeout": timeouts}
        ) as response:
            read = 0
            async for piece in response.aiter_stream():
                read += len(piece)
                if read > MOST_ANSWER_OCTETS:
                    break
            return _answer(response.status, dict(response.headers))


@asynccontextmanager
async def calls(allowed: Sequence[Network], tls: ssl.SSLContext) -> AsyncIterator[Calls]:
    """Connections for a while. Without TLS only to networks that the operator allows."""
    open_ended = _pool(_Network(allowed, only_allowed=False), tls)
    near = _pool(_Network(allowed, only_allowed=True), tls)
    async with open_ended, near:
        yield Calls(open_ended, near)


def _pool(network: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=tls,
        network_backend=network,
        max_connections=100,
        max_keepalive_connections=20,
        keepalive_expiry=10.0,
    )


async def _looked_up(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(address[0]) for *_, address in found))


def _answer(status: int, headers: Mapping[bytes, bytes]) -> Answer:
    if 300 <= status < 400:
        return Answer(status=status, said=f"HTTP {status}: it leads elsewhere, which is not followed")
    asked = {name.lower(): value for name, value in headers.items()}.get(b"retry-after", b"")
    wait = min(int(asked), LONGEST_WAIT_SECONDS) if asked.isdigit() else None
    return Answer(status=status, said=f"HTTP {status}", wait_seconds=wait)


def _unreached(said: str) -> Answer:
    return Answer(status=None, said=said)


def _words(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__ or error
    text = getattr(cause, "strerror", None) or str(cause) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]
