"""What the pages are given by the wiring: the store, the clock, and plain values of the settings."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request

from portal.documents import Documents
from portal.one_time_passwords import Authenticators
from portal.passkeys import Place
from storage.companies.link_tokens import LinkTokens
from storage.outgoing.webhook_addresses import Network
from storage.outgoing.webhook_secrets import WebhookSecrets
from storage.records.invoices import Invoice
from storage.store import Store
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """One portal; every page finds it with `wired(request)`."""

    store: Store
    now: Callable[[], datetime]
    base_url: str  # what people type; the Host field of a request is never used
    key: bytes = field(repr=False)  # secret of this installation, the same in all its processes
    documents: Documents
    invoice_forms: Callable[[Transaction, Sequence[Invoice]], list[dict[str, Any]]]  # the JSON of invoices
    texts_at: Callable[[str], Sequence[bytes]]  # the TXT records of a name in the DNS; raises ConnectionError
    sends_mail: bool = True  # a smarthost is set; else nobody can prove a mailbox
    warn_ahead: timedelta = timedelta(days=14)  # before an invoice is deleted; none: never
    link_life: timedelta = timedelta(days=30)
    webhook_networks: tuple[Network, ...] = ()  # beside the public internet

    @property
    def tokens(self) -> LinkTokens:
        """Where registration links come from."""
        return LinkTokens(self.key, self.base_url)

    @property
    def authenticators(self) -> Authenticators:
        """Where the secrets of people's apps come from."""
        return Authenticators(self.key)

    @property
    def passkey_place(self) -> Place | None:
        """Where passkeys are good; None at an address that browsers take none for: they want a name, and https."""
        parts = urlsplit(self.base_url)
        host = parts.hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            named = self.secure or host == "localhost"
            return Place(host, f"{parts.scheme}://{parts.netloc}") if named else None
        return None

    @property
    def name(self) -> str:
        """What an app calls this portal: its host."""
        return urlsplit(self.base_url).hostname or "invoices"

    @property
    def webhook_secrets(self) -> WebhookSecrets:
        """Where the secrets of webhooks come from."""
        return WebhookSecrets(self.key)

    @property
    def secure(self) -> bool:
        """Whether cookies are for https only."""
        return self.base_url.startswith("https://")

    @property
    def prefix(self) -> str:
        """The path below which the portal lies, without a slash at the end; empty as a rule."""
        return urlsplit(self.base_url).path.rstrip("/")

    def href(self, path: str) -> str:
        """A path of the portal as a link on its pages."""
        return f"{self.prefix}{path}"

    def mac(self, purpose: str, text: str) -> str:
        """HMAC-SHA-256 of a text, for one purpose only; hexadecimal."""
        return hmac.new(self.key, f"portal {purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


def wired(request: Request) -> Portal:
    """The portal that answers this request."""
    portal: Portal = request.app.state.portal
    return portal
