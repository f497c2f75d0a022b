"""Wires the program `outbound` together; the one place in it that reads settings and the clock."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from config.link_key import link_key
from config.settings import Settings, host_and_port
from outbound import send_log
from outbound.composing import Sender
from outbound.contents import Gathering
from outbound.delivering import CallWiring, Delivering, InvoiceForms
from outbound.letters import Letters
from outbound.sending import Sending, Wiring
from outbound.smarthost import Smarthost
from reading.sandbox import ReaderPool
from storage.companies.link_tokens import LinkTokens
from storage.outgoing.webhook_secrets import WebhookSecrets
from storage.store import Store

STOP_SECONDS = 30.0  # for the mail that is under way


@contextmanager
def outbound(settings: Settings, store: Store, forms: InvoiceForms) -> Iterator[None]:
    """Sends mails and calls programs while the block runs, each in a thread of its own.

    Raises OSError when the key of links and secrets cannot be read.
    """
    with _calling(settings, store, forms), _sending(settings, store):
        yield


@contextmanager
def _calling(settings: Settings, store: Store, forms: InvoiceForms) -> Iterator[None]:
    delivering = caller(settings, store, forms)
    thread = threading.Thread(target=delivering.run, name="webhooks")
    thread.start()
    try:
        yield
    finally:
        delivering.stop()
        thread.join(STOP_SECONDS)


@contextmanager
def _sending(settings: Settings, store: Store) -> Iterator[None]:
    """Idle where no smarthost is set."""
    if not settings.outbound.smarthost:
        send_log.outbound_idle()
        yield
        return
    with ReaderPool(1) as readers:
        sending = wired(settings, store, readers)
        thread = threading.Thread(target=sending.run, name="outbound")
        thread.start()
        try:
            yield
        finally:
            sending.stop()
            thread.join(STOP_SECONDS)


def caller(settings: Settings, store: Store, forms: InvoiceForms) -> Delivering:
    """Who calls programs, as the settings want it."""
    return Delivering(
        CallWiring(
            store=store,
            secrets=WebhookSecrets(link_key(settings)),
            forms=forms,
            allowed=settings.webhooks.networks,
            tls=ssl.create_default_context,
            now=_utc_now,
        )
    )


def wired(settings: Settings, store: Store, readers: ReaderPool) -> Sending:
    """A sender as the settings want it."""
    outgoing = settings.outbound
    base_url = settings.registration.base_url
    host, port = host_and_port(outgoing.smarthost)
    hostname = settings.smtp.hostname or socket.getfqdn()
    return Sending(
        Wiring(
            store=store,
            gathering=Gathering(
                store,
                LinkTokens(link_key(settings), base_url),
                base_url,
                readers,
                outgoing.max_attachment_bytes,
            ),
            letters=Letters(outgoing.templates),
            smarthost=Smarthost(
                host=host,
                port=port,
                tls=outgoing.tls,
                user=outgoing.user,
                password=outgoing.password.get_secret_value(),
                local_hostname=hostname,
            ),
            sender=Sender(outgoing.mail_from, outgoing.sender_name, base_url),
            now=_utc_now,
            max_per_recipient=outgoing.max_per_recipient,
            patience=timedelta(days=outgoing.retry_days),
        )
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  -- the wiring reads the clock
