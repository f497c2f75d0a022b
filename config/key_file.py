"""A file with a key in it, made at first use and readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

KEY_OCTETS = 32
SHORTEST = 32  # characters of a key that is set instead


def kept_key(file: Path, without: str) -> bytes:
    """The key; `without` says what is lost with it.

    Raises OSError when the file cannot be read or made, ValueError when it is damaged.
    """
    if not file.exists():
        _make(file)
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_OCTETS:
        raise ValueError(
            f"{file} is damaged: {2 * KEY_OCTETS} hexadecimal digits are expected. Restore it from a backup; {without}"
        )
    return key


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    unfinished = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(KEY_OCTETS) + "\n")
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
