"""The key that registration links are made from; it is kept outside the database."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from config.settings import Settings

_KEY_OCTETS = 32
_SHORTEST = 32  # characters of a key that was set


def link_key(settings: Settings) -> bytes:
    """The set key, else that of {data_dir}/link.key, which is made at first use, readable by its owner only.

    Raises OSError when the file cannot be read or made, ValueError for a key that is damaged or too short.
    """
    if configured := settings.registration.link_key.get_secret_value():
        if len(configured) < _SHORTEST:
            raise ValueError(
                f"registration.link_key is too short: at least {_SHORTEST} characters are needed"
            )
        return configured.encode()
    file = settings.data_dir / "link.key"
    if not file.exists():
        _make(file)
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_OCTETS:
        raise ValueError(
            f"{file} is damaged: {2 * _KEY_OCTETS} hexadecimal digits are expected. Restore it from a backup; "
            "without it new links can be made after removing the file, but those sent cannot be shown again"
        )
    return key


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
