"""What a person proves beside a password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """An app that shows one-time passwords (TOTP, RFC 6238); the secret is made from a key outside the database."""

    user_id: str
    secret_id: str
    secret_digest: bytes  # SHA-256 of the secret, to see whether it was this key
    set_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A key in a device or a password store of the person (WebAuthn); we have its public half."""

    id: str
    user_id: str
    credential_id: bytes
    public_key: bytes  # COSE_Key (RFC 9052 7)
    sign_count: int
    name: str  # in the words of its owner
    added_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """All that a person has beside the password."""

    authenticator: Authenticator | None
    passkeys: tuple[Passkey, ...]
    recovery_codes: int  # that are left

    @property
    def asked(self) -> bool:
        """Whether the password alone is not enough."""
        return self.authenticator is not None or bool(self.passkeys)
