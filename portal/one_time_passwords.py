"""Secrets of authenticator apps, the one-time passwords that they show (RFC 6238), and recovery codes; pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS = 30  # what every app does
DIGITS = 6
_SECRET_OCTETS = 20  # RFC 4226 4: 160 bits
_STEPS_ASIDE = 1  # before and behind now: clocks differ, and people type slowly

RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read for something else
_CODE_SIGNS = 12  # 59 bits


class Authenticators:
    """Secrets of apps: each the HMAC of an id and its person under a key that is not in the database."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def digest(self, user_id: str, secret_id: str) -> bytes:
        """What the database keeps of a secret: its SHA-256."""
        return hashlib.sha256(self._secret(user_id, secret_id)).digest()

    def written(self, user_id: str, secret_id: str) -> str:
        """The secret as people type it into an app."""
        return base64.b32encode(self._secret(user_id, secret_id)).decode()

    def uri(self, user_id: str, secret_id: str, email: str, issuer: str) -> str:
        """The secret as an app reads it from a QR code."""
        return self._totp(user_id, secret_id).get_provisioning_uri(email, issuer)

    def step(self, user_id: str, secret_id: str, password: str, now: datetime) -> int | None:
        """The step that this one-time password is of, if it is right around `now`."""
        totp, current = self._totp(user_id, secret_id), int(now.timestamp()) // STEP_SECONDS
        digits = "".join(password.split())
        if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
            return None
        for step in range(current - _STEPS_ASIDE, current + _STEPS_ASIDE + 1):
            try:
                totp.verify(digits.encode(), step * STEP_SECONDS)
            except InvalidToken:
                continue
            return step
        return None

    def _totp(self, user_id: str, secret_id: str) -> TOTP:
        return TOTP(self._secret(user_id, secret_id), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303  -- what apps know

    def _secret(self, user_id: str, secret_id: str) -> bytes:
        text = f"authenticator:{user_id}:{secret_id}".encode()
        return hmac.digest(self._key, text, "sha256")[:_SECRET_OCTETS]


def new_recovery_codes() -> list[str]:
    """Codes for somebody who loses the rest; shown once."""
    return [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_CODE_SIGNS // 3)) for _ in range(3))
        for _ in range(RECOVERY_CODES)
    ]


def recovery_digest(user_id: str, code: str) -> bytes:
    """What the database keeps of a recovery code; spaces, hyphens and case do not count."""
    plain = "".join(sign for sign in code.lower() if sign.isalnum())
    return hashlib.sha256(f"{user_id}:{plain}".encode()).digest()
