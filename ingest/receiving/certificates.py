"""Holds the TLS context of the server, and makes a new one when the certificate is renewed."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from ingest.receiving.watched_file import WatchedFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Certificates:
    """The certificate and its key in PEM files.

    A renewed pair is used from the next handshake on, without a restart; one that cannot be used is told once, and the
    one before it stays in use.
    """

    def __init__(
        self,
        certificate: Path,
        key: Path | None,
        *,
        on_reloaded: Callable[[Path], None],
        on_broken: Callable[[Path, Exception], None],
        kept: ssl.SSLContext | None = None,
    ) -> None:
        """`kept` is used when the files are broken just now. Raises OSError saying what is wrong with which file."""
        self._certificate = certificate
        self._key = key
        self._on_reloaded = on_reloaded
        self._on_broken = on_broken
        self._files = WatchedFiles([certificate] if key is None else [certificate, key])
        try:
            self._context = server_context(certificate, key)
        except OSError as error:
            if kept is None:
                raise
            on_broken(certificate, error)
            self._context = kept

    def context(self) -> ssl.SSLContext:
        """The context for a handshake that begins now."""
        if self._files.changed():
            try:
                self._context = server_context(self._certificate, self._key)
            except OSError as error:
                self._on_broken(self._certificate, error)
            else:
                self._on_reloaded(self._certificate)
        return self._context


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """A context for TLS 1.2 and newer. Raises OSError (also ssl.SSLError) naming the file; asks for no passphrase."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except OSError as error:
        named = certificate if key is None else f"{certificate} with {key}"
        raise OSError(f"{named}: {_reason(error)}") from error
    except _EncryptedKey:
        raise OSError(f"{key or certificate}: the key has a passphrase; store it without one") from None
    return context


class _EncryptedKey(Exception):  # noqa: N818  -- says what happened
    pass


def _no_passphrase() -> str:
    raise _EncryptedKey


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        if "KEY_VALUES_MISMATCH" in str(error):
            return "the key does not belong to the certificate"
        return f"no certificate and key in PEM form ({error.reason or 'unreadable'})"
    return error.strerror or str(error)
