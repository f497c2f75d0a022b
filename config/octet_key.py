"""The key that the keys of mails are wrapped with; it is kept outside the database."""

from __future__ import annotations

import hashlib

from config.key_file import SHORTEST, kept_key
from config.settings import Settings


def octet_key(settings: Settings) -> bytes | None:
    """The set key, else that of {data_dir}/octets.key, which is made where `blobs.encrypt` is on; else None.

    Raises OSError when the file cannot be read or made, ValueError for a key that is damaged or too short.
    """
    if configured := settings.blobs.key.get_secret_value():
        if len(configured) < SHORTEST:
            raise ValueError(f"blobs.key is too short: at least {SHORTEST} characters are needed")
        return hashlib.sha256(b"invoices octets " + configured.encode()).digest()
    file = settings.data_dir / "octets.key"
    if not settings.blobs.encrypt and not file.exists():
        return None
    return kept_key(file, "without it no mail that was encrypted with it can be read")
