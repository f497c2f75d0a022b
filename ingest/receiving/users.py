"""Knows who may authenticate: a file of names and password hashes."""

from __future__ import annotations

import threading
import unicodedata
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ingest.receiving.watched_file import WatchedFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MAX_NAME = 255
_MAX_PASSWORD = 1024

# 19 MiB, two passes: the least that OWASP names for Argon2id, so that a check costs little memory.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


class Users:
    """The users file: `name:hash` a line, hashes as `password_line` makes them, `#` begins a comment line.

    It is read again when it has changed; while a changed file cannot be read, the one before it counts.
    """

    def __init__(
        self,
        path: Path,
        on_broken: Callable[[Exception], None] = lambda _: None,
        *,
        kept: bytes | None = None,
    ) -> None:
        """`kept` counts when the file is broken just now.

        Raises OSError when the file cannot be read, ValueError naming the line that is wrong.
        """
        self._path = path
        self._on_broken = on_broken
        self._files = WatchedFiles([path])
        try:
            self._hashes = parsed(path.read_bytes(), path)
        except (OSError, ValueError) as error:
            if kept is None:
                raise
            self._on_broken(error)
            self._hashes = parsed(kept, path)
        self._nobody = _HASHER.hash("nobody has this password")
        self._one_at_a_time = threading.Lock()

    def verify(self, name: str, password: str) -> bool:
        """Whether this is the user's password; takes some ten milliseconds, also for a name that nobody has."""
        with self._one_at_a_time:
            self._look_again()
            expected = self._hashes.get(unicodedata.normalize("NFC", name))
            try:
                _HASHER.verify(expected or self._nobody, password)
            except (VerificationError, InvalidHashError):
                return False
            return expected is not None

    def _look_again(self) -> None:
        if self._files.changed():
            try:
                self._hashes = parsed(self._path.read_bytes(), self._path)
            except (OSError, ValueError) as error:
                self._on_broken(error)


def parse_plain(response: bytes) -> tuple[str, str] | None:
    """Name and password of a SASL PLAIN response (RFC 4616), None when it is not well-formed.

    An authorisation identity, if given, must be the name itself: nobody acts for another here.
    """
    if len(response) > 2 * _MAX_NAME + _MAX_PASSWORD + 2 or response.count(b"\0") != 2:
        return None
    try:
        acts_for, name, password = (part.decode("utf-8") for part in response.split(b"\0"))
    except UnicodeDecodeError:
        return None
    if not name or not password or acts_for not in {"", name}:
        return None
    return (name, password) if len(name) <= _MAX_NAME and len(password) <= _MAX_PASSWORD else None


def password_line(name: str, password: str) -> str:
    """A line for the users file. Raises ValueError for a name that cannot stand in it."""
    if not name or len(name) > _MAX_NAME or ":" in name or name.startswith("#") or not name.isprintable():
        raise ValueError(
            f'{name!r} is no name for a user: no ":", no "#" first, printable, at most {_MAX_NAME} signs'
        )
    if not password or len(password) > _MAX_PASSWORD or "\0" in password:
        raise ValueError(f"a password has 1 to {_MAX_PASSWORD} signs")
    return f"{unicodedata.normalize('NFC', name)}:{_HASHER.hash(password)}"


def parsed(octets: bytes, path: Path) -> dict[str, str]:
    """The hashes by name that a users file holds. Raises ValueError naming the line that is wrong."""
    hashes: dict[str, str] = {}
    for number, line in enumerate(octets.decode("utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, hashed = line.strip().partition(":")
        if not name or not colon or not hashed.startswith("$argon2id$"):
            raise ValueError(f'{path}, line {number}: expected NAME:HASH as "invoices user hash" prints it')
        hashes[unicodedata.normalize("NFC", name)] = hashed
    return hashes
