"""Hashes passwords and checks them (Argon2id), in the same time whether there is such a person or not."""

from __future__ import annotations

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 10  # characters; NIST SP 800-63B asks for 8 at least
LONGEST = 200  # characters; Argon2 takes its time over more
_AT_ONCE = 4  # checks; each takes 19 MiB

# 19 MiB, two passes: the least that OWASP names for Argon2id.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_NOBODY = _HASHER.hash("nobody has this password")
_TURN = threading.BoundedSemaphore(_AT_ONCE)


def hashed(password: str) -> str:
    """The hash of a new password."""
    with _TURN:
        return _HASHER.hash(_form(password))


def fits(password: str, password_hash: str | None) -> bool:
    """Whether this is the password; never for somebody without one, after the same time."""
    with _TURN:
        try:
            _HASHER.verify(password_hash or _NOBODY, _form(password)[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def fault(password: str, *, of: str) -> str | None:
    """What is wrong with a new password, as the key of a text; None when it may be used.

    `of` is the address of whoever chooses it.
    """
    if len(password) < SHORTEST:
        return "fault.password_short"
    if len(password) > LONGEST:
        return "fault.password_long"
    plain, address = password.casefold(), of.casefold()
    if plain in (address, address.partition("@")[0] * 2) or len(set(plain)) < 4:
        return "fault.password_easy"
    return None


def _form(password: str) -> str:
    """The same whichever way a keyboard makes an umlaut (RFC 8265 4.2.2)."""
    return unicodedata.normalize("NFC", password)
