"""Makes the tokens of registration links from a key that is not in the database."""

from __future__ import annotations

import base64
import hashlib
import hmac

from storage.records.registration import RegistrationLink


class LinkTokens:
    """Tokens of 256 bits: the HMAC-SHA-256 of a link's id under the key.

    So a link can be shown again to whoever holds the key, and a copy of the database opens nothing.
    """

    def __init__(self, key: bytes, base_url: str) -> None:
        self._key = key
        self._base_url = base_url

    def digest(self, link_id: str) -> bytes:
        """What the database keeps of the token: its SHA-256."""
        return token_digest(self._token(link_id))

    def url(self, link: RegistrationLink) -> str | None:
        """The link as it is sent; None when it was made under another key."""
        if not hmac.compare_digest(self.digest(link.id), link.token_digest):
            return None
        return f"{self._base_url}/register/{self._token(link.id)}"

    def _token(self, link_id: str) -> str:
        octets = hmac.digest(self._key, b"registration-link:" + link_id.encode(), "sha256")
        return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def token_digest(token: str) -> bytes:
    """The SHA-256 of a token as it stands in a URL."""
    return hashlib.sha256(token.encode()).digest()
