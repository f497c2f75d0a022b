"""Makes the secrets that calls of webhooks are signed with, from a key that is not in the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

from storage.records.webhooks import Webhook

PREFIX = "whsec_"  # as Standard Webhooks writes a secret


class WebhookSecrets:
    """Secrets of 256 bits: the HMAC-SHA-256 of an id under the key.

    So whoever sends can make one again, and a copy of the database signs nothing.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def written(self, secret_id: str) -> str:
        """A secret as its owner keeps it."""
        return PREFIX + base64.b64encode(self._octets(secret_id)).decode()

    def digest(self, secret_id: str) -> bytes:
        """What the database keeps of a secret: its SHA-256."""
        return hashlib.sha256(self._octets(secret_id)).digest()

    def current(self, webhook: Webhook, now: datetime) -> list[bytes]:
        """The secrets to sign with, the newest first; none when they were made under another key."""
        if not hmac.compare_digest(self.digest(webhook.secret_id), webhook.secret_digest):
            return []
        secrets = [self._octets(webhook.secret_id)]
        if webhook.former_secret_id and webhook.former_until and webhook.former_until > now:
            secrets.append(self._octets(webhook.former_secret_id))
        return secrets

    def _octets(self, secret_id: str) -> bytes:
        return hmac.digest(self._key, b"webhook-secret:" + secret_id.encode(), "sha256")
