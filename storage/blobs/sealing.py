"""Encrypts the octets of a mail with a key of its own, so that whoever deletes the key deletes every copy of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storage.errors import StorageUnavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_OCTETS = 32  # AES-256
CHUNK_OCTETS = 64 * 1024  # of what is encrypted
_MARK = b"invoices sealed 1\n"
_NONCE_OCTETS, _TAG_OCTETS = 12, 16  # NIST SP 800-38D
_LAST = 1  # in the last octet of the nonce of the last chunk: nothing can be cut off or hung on


class NotSealed(ValueError):  # noqa: N818  -- says what is the matter
    """These octets are not what was sealed with this key for this mail, as a whole."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The key that wraps the keys of all mails; it is kept outside the database."""

    octets: bytes = field(repr=False)
    seals: bool = True  # what is moved out from now on; what is sealed can be read in any case

    def wrap(self, mail_id: str, key: bytes) -> bytes:
        """The key of a mail as it stands in the database."""
        nonce = secrets.token_bytes(_NONCE_OCTETS)
        return nonce + _cipher(self.octets).encrypt(nonce, key, _about(mail_id))

    def unwrap(self, mail_id: str, wrapped: bytes) -> bytes:
        """The key of a mail. Raises StorageUnavailable when it was wrapped with another master key, or changed."""
        nonce, rest = wrapped[:_NONCE_OCTETS], wrapped[_NONCE_OCTETS:]
        key = _opened(_cipher(self.octets), nonce, rest, _about(mail_id))
        if key is None:
            raise StorageUnavailable(
                f"the key of the mail {mail_id} cannot be opened: restore the octets.key or blobs.key of then"
            )
        return key


def new_key() -> bytes:
    """A key for one mail."""
    return secrets.token_bytes(KEY_OCTETS)


def seal(key: bytes, mail_id: str, octets: bytes) -> bytes:
    """Encrypted in chunks, each with a nonce of its own and bound to its place.

    The same key, mail and octets give the same: two workers that move a mail at once write the same object. A key must
    therefore never be used for other octets.
    """
    cipher, about = _cipher(key), _about(mail_id)
    starts = range(0, max(1, len(octets)), CHUNK_OCTETS)
    sealed = [
        cipher.encrypt(
            _nonce(number, last=number + 1 == len(starts)), octets[start : start + CHUNK_OCTETS], about
        )
        for number, start in enumerate(starts)
    ]
    return _MARK + b"".join(sealed)


def unseal(key: bytes, mail_id: str, sealed: bytes) -> bytes:
    """The octets. Raises NotSealed when anything is not as `seal` made it."""
    if not sealed.startswith(_MARK):
        raise NotSealed("they are not encrypted")
    cipher, about = _cipher(key), _about(mail_id)
    step = CHUNK_OCTETS + _TAG_OCTETS
    starts = range(len(_MARK), max(len(_MARK) + 1, len(sealed)), step)
    opened = [
        _opened(cipher, _nonce(number, last=number + 1 == len(starts)), sealed[start : start + step], about)
        for number, start in enumerate(starts)
    ]
    if any(one is None for one in opened):
        raise NotSealed("they were changed, or encrypted with another key")
    return b"".join(one for one in opened if one is not None)


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import (  # noqa: PLC0415  -- few commands need it
        AESGCM,
    )

    return AESGCM(key)


def _opened(cipher: AESGCM, nonce: bytes, sealed: bytes, about: bytes) -> bytes | None:
    """None where anything was changed."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  -- the same

    try:
        return cipher.decrypt(nonce, sealed, about)
    except (InvalidTag, ValueError):
        return None


def _about(mail_id: str) -> bytes:
    return b"invoices mail " + mail_id.encode()


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_NONCE_OCTETS - 1, "big") + bytes([_LAST if last else 0])
