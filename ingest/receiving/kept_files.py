"""Keeps what the files of the certificate and the users held when they could last be used.

A process that is started anew while such a file is broken goes on with what its predecessor had in memory.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.receiving.certificates import server_context
from ingest.receiving.users import parsed


@dataclass(frozen=True, slots=True, repr=False)
class KeptFiles:
    """The octets of each file; None for one that is not set."""

    certificate: bytes | None = None
    key: bytes | None = None
    users: bytes | None = None

    def context(self) -> ssl.SSLContext | None:
        """The TLS context of the kept certificate."""
        if self.certificate is None:
            return None
        with ExitStack() as open_files:
            certificate = open_files.enter_context(_in_memory(self.certificate))
            key = open_files.enter_context(_in_memory(self.key)) if self.key is not None else None
            return server_context(certificate, key)


NOTHING_KEPT = KeptFiles()


def kept_files(certificate: Path | None, key: Path | None, users: Path | None) -> KeptFiles:
    """What the files hold now. Raises OSError, ValueError saying what is wrong with which."""
    if certificate is not None:
        try:
            server_context(certificate, key)
        except OSError as error:
            raise OSError(f"smtp.tls_certificate: {error}") from error
    kept = KeptFiles(
        certificate=certificate.read_bytes() if certificate else None,
        key=key.read_bytes() if certificate and key else None,
        users=users.read_bytes() if users else None,
    )
    kept.context()  # it may have been replaced between the two looks
    if users is not None and kept.users is not None:
        parsed(kept.users, users)
    return kept


@contextmanager
def _in_memory(octets: bytes) -> Iterator[Path]:
    """A file that only this process can open, since the library reads keys from files alone (memfd_create(2))."""
    descriptor = os.memfd_create("kept", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(octets)
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
