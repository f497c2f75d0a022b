"""Wires the portal: from settings to a server on a port, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI

from config.link_key import link_key
from config.settings import Settings, host_and_port
from portal import portal_log
from portal.app import create_app
from portal.documents import Documents
from portal.wired import Portal
from storage.records.invoices import Invoice
from storage.store import Store
from storage.transaction import Transaction

TextsAt = Callable[[str], Sequence[bytes]]
InvoiceForms = Callable[[Transaction, Sequence[Invoice]], list[dict[str, Any]]]

NAME = "portal"
FIRST_INHERITED_DESCRIPTOR = 3  # sd_listen_fds(3)
DRAIN_SECONDS = 20  # for pages that are being sent when the program is told to stop
BACKLOG = 512
MOST_AT_ONCE = 256  # requests; more are told 503


def utc_now() -> datetime:
    """The clock of the portal."""
    return datetime.now(UTC)  # noqa: TID251  -- the wiring reads the clock


@contextmanager
def portal(
    settings: Settings, store: Store, invoice_forms: InvoiceForms, texts_at: TextsAt
) -> Iterator[None]:
    """Serves the portal on `portal.listen`, or the socket that systemd opened for it, while the block runs.

    Raises OSError naming the address when it cannot be had, or when the key of the links cannot be read.
    """
    listening = _inherited() or _listening(settings.portal.listen)
    documents = Documents()
    wired = Portal(
        store=store,
        now=utc_now,
        base_url=settings.registration.base_url,
        key=link_key(settings),
        documents=documents,
        invoice_forms=invoice_forms,
        texts_at=texts_at,
        sends_mail=bool(settings.outbound.smarthost),
        warn_ahead=timedelta(days=settings.retention.warn_days),
        link_life=timedelta(days=settings.registration.link_days),
        webhook_networks=settings.webhooks.networks,
    )
    server = server_of(create_app(wired))
    thread = threading.Thread(target=run, args=(server, listening), name="portal")
    thread.start()
    try:
        portal_log.listening(_written(listening))
        yield
    finally:
        server.should_exit = True
        thread.join()
        documents.close()
        listening.close()


def server_of(app: FastAPI) -> uvicorn.Server:
    """A server that leaves signals, log and address to us."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing here depends on them
            lifespan="off",
            timeout_graceful_shutdown=DRAIN_SECONDS,
            limit_concurrency=MOST_AT_ONCE,
            h11_max_incomplete_event_size=32 * 1024,
        )
    )


def run(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serves until `should_exit`; blocks."""
    if listening.family in (socket.AF_INET, socket.AF_INET6):
        # For all its connections. asyncio does it only where a socket names its protocol, and else each page waits
        # for 40 ms between its header and its content, until the client has acknowledged the one.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    asyncio.run(server.serve(sockets=[listening]))


def _listening(address: str) -> socket.socket:
    host, port = host_and_port(address)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise OSError(f"portal.listen: {address}: {error.strerror or error}") from error


def _inherited() -> socket.socket | None:
    """The socket that systemd opened for us (sd_listen_fds(3)), FileDescriptorName=portal."""
    environment = os.environ  # noqa: TID251  -- not a setting: a message of systemd
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    if environment.get("LISTEN_PID") != str(os.getpid()) or NAME not in names:
        return None
    return socket.socket(fileno=os.dup(FIRST_INHERITED_DESCRIPTOR + names.index(NAME)))


def _written(listening: socket.socket) -> str:
    name = listening.getsockname()
    if not isinstance(name, tuple):
        return f"unix:{name}"
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
