"""The key that registration links are made from; it is kept outside the database."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from config.settings import Settings

_KEY_OCTETS = 32


def link_key(settings: Settings) -> bytes:
    """The set key, else that of {data_dir}/link.key, which is made at first use, readable by its owner only.

    Raises OSError.
    """
    if configured := settings.registration.link_key.get_secret_value():
        return configured.encode()
    file = settings.data_dir / "link.key"
    if not file.exists():
        _make(file)
    return bytes.fromhex(file.read_text(encoding="ascii").strip())


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    unfinished = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_KEY_OCTETS) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(unfinished, file)  # of two programs that start at once, the first one's key counts
        except FileExistsError:
            return
        folder = os.open(file.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    finally:
        unfinished.unlink()
