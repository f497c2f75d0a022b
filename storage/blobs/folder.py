"""Keeps mails as files below a folder: each whole, under its own name, and on the disk before anybody relies on it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from storage.errors import NotFound, StorageUnavailable

_UNFINISHED = ".unfinished-"


class Folder:
    """A folder; the last two signs of a key name a folder in it, so that none has millions of files."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.url = root.as_uri()

    def put(self, key: str, octets: bytes) -> None:
        """Relies on rename(2) within a folder being atomic, and syncs file and folder."""
        path = self._path(key)
        try:
            self._make(path.parent)
            unfinished = path.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}")
            try:
                with unfinished.open("xb") as file:
                    file.write(octets)
                    file.flush()
                    os.fsync(file.fileno())
                unfinished.replace(path)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
            _sync(path.parent)
        except OSError as error:
            raise _unavailable(error, path) from error

    def get(self, key: str) -> bytes:
        """The octets of a file."""
        path = self._path(key)
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            if not self._root.is_dir():  # nothing is mounted there: none of them is lost
                raise _unavailable(error, self._root) from error
            raise NotFound(f"{path} is missing") from error
        except OSError as error:
            raise _unavailable(error, path) from error

    def delete(self, keys: Sequence[str]) -> None:
        """Durably, so that no mail comes back with a crash."""
        folders = set()
        try:
            for key in keys:
                path = self._path(key)
                if path.exists():
                    path.unlink()
                    folders.add(path.parent)
            for folder in folders:
                _sync(folder)
        except OSError as error:
            raise _unavailable(error, self._root) from error
        if not self._root.is_dir():
            raise StorageUnavailable(f"{self._root} is missing: is it mounted?")

    def _path(self, key: str) -> Path:
        return self._root / key[-2:] / key

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            _sync(folder.parent)


def _unavailable(error: OSError, path: Path) -> StorageUnavailable:
    return StorageUnavailable(f"{error.filename or path}: {error.strerror}")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
