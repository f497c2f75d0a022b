"""Where a backup lies: a folder, or one tar file, written once and read with every digest compared."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from storage.backup.manifest import Contents, File, Manifest, NotABackup
from storage.errors import StorageUnavailable

PART_OCTETS = 32 * 1024 * 1024  # of one file; in memory until it is written
MANIFEST = "manifest.json"


class _Target(Protocol):
    def add(self, name: str, octets: bytes) -> None: ...

    def finish(self) -> None: ...

    def abandon(self) -> None: ...


class BackupWriter:
    """Takes what is to be kept, piece by piece, and at last the manifest."""

    def __init__(self, target: _Target) -> None:
        self._target = target
        self._files: list[File] = []

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Keeps octets as `name.0001`, `name.0002` and so on. Raises StorageUnavailable."""
        part = bytearray()
        number = 0
        for piece in pieces:
            part += piece
            while len(part) >= PART_OCTETS:
                number += 1
                self._add(f"{name}.{number:04}", bytes(part[:PART_OCTETS]))
                del part[:PART_OCTETS]
        if part or not number:
            self._add(f"{name}.{number + 1:04}", bytes(part))

    def finish(self, contents: Contents, made_at: datetime) -> Manifest:
        """Writes the manifest; only now the backup is one. Raises OSError."""
        manifest = Manifest(made_at=made_at, contents=contents, files=tuple(self._files))
        self._target.add(MANIFEST, manifest.to_json())
        self._target.finish()
        return manifest

    def _add(self, name: str, octets: bytes) -> None:
        try:
            self._target.add(name, octets)
        except OSError as error:
            raise StorageUnavailable(f"the backup cannot be written: {error.strerror}") from error
        self._files.append(File(name, len(octets), hashlib.sha256(octets).hexdigest()))


@contextmanager
def new_backup(path: Path | None) -> Iterator[BackupWriter]:
    """A backup at `path`: a tar file when its name ends in .tar, else a folder; None: tar on standard output.

    Nothing of it stays when the block raises. Raises FileExistsError, OSError.
    """
    target = _new_target(path)
    try:
        yield BackupWriter(target)
    except BaseException:
        target.abandon()
        raise


class _FolderTarget:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_name(f"{path.name}.partial")
        self._unfinished.mkdir(mode=0o700)

    def add(self, name: str, octets: bytes) -> None:
        file = self._unfinished / name
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with _private(file) as stream:
            stream.write(octets)
            _sync(stream)

    def finish(self) -> None:
        for folder in (*(one for one in self._unfinished.iterdir() if one.is_dir()), self._unfinished):
            _sync_folder(folder)
        self._unfinished.rename(self._path)
        _sync_folder(self._path.parent)

    def abandon(self) -> None:
        shutil.rmtree(self._unfinished)


class _TarTarget:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_name(f"{path.name}.partial")
        self._stream = _private(self._unfinished)
        self._tar = _new_tar(self._stream)

    def add(self, name: str, octets: bytes) -> None:
        _add_to(self._tar, name, octets)

    def finish(self) -> None:
        self._tar.close()
        _sync(self._stream)
        self._stream.close()
        self._unfinished.rename(self._path)
        _sync_folder(self._path.parent)

    def abandon(self) -> None:
        self._stream.close()
        self._unfinished.unlink()


class _StreamTarget:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._tar = _new_tar(stream)

    def add(self, name: str, octets: bytes) -> None:
        _add_to(self._tar, name, octets)

    def finish(self) -> None:
        self._tar.close()
        self._stream.flush()

    def abandon(self) -> None:
        """What went out cannot be taken back; without its manifest it is no backup."""


def _new_target(path: Path | None) -> _Target:
    if path is None:
        return _StreamTarget(os.fdopen(os.dup(1), "wb"))
    if path.exists():
        raise FileExistsError(f"{path} is there already; a backup overwrites nothing")
    try:
        return _TarTarget(path) if path.suffix == ".tar" else _FolderTarget(path)
    except FileExistsError:
        raise FileExistsError(
            f"{path}.partial is there: another backup is under way, or one was killed; then remove it"
        ) from None


def _new_tar(stream: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="w|")


def _private(file: Path) -> IO[bytes]:
    """A new file that its owner alone may read: it holds every mail."""
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _add_to(tar: tarfile.TarFile, name: str, octets: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(octets), 0o600
    tar.addfile(member, io.BytesIO(octets))


def _sync(stream: IO[bytes]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class BackupReader:
    """A backup that is read; each file is held against its digest before anything is made of it."""

    def __init__(self, path: Path) -> None:
        """Raises NotABackup, OSError."""
        self._path = path
        self._tar = None if path.is_dir() else _opened_tar(path)
        try:
            self.manifest = Manifest.from_json(self._octets(MANIFEST))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Gives the file back."""
        if self._tar is not None:
            self._tar.close()

    def names(self, folder: str) -> list[str]:
        """What was written below `folder/`, in order, without the numbers of the parts."""
        parts = (file.name.rpartition(".")[0] for file in self.manifest.files)
        return list(dict.fromkeys(name for name in parts if name.startswith(f"{folder}/")))

    def pieces(self, name: str) -> Iterator[bytes]:
        """What was written as `name`. Raises NotABackup, OSError."""
        for file in self.manifest.files:
            if file.name.rpartition(".")[0] == name:
                yield self._checked(file)

    def check(self) -> None:
        """Reads everything once. Raises NotABackup for the first file that is not as it was written."""
        for file in self.manifest.files:
            self._checked(file)

    def _checked(self, file: File) -> bytes:
        octets = self._octets(file.name)
        if len(octets) != file.size or hashlib.sha256(octets).hexdigest() != file.sha256:
            raise NotABackup(f"{self._path}: {file.name} is not as it was written; take another backup")
        return octets

    def _octets(self, name: str) -> bytes:
        try:
            if self._tar is None:
                return (self._path / name).read_bytes()
            stream = self._tar.extractfile(name)
            return stream.read() if stream else b""
        except (KeyError, FileNotFoundError, NotADirectoryError):
            raise NotABackup(f"{self._path} is no whole backup: {name} is missing") from None
        except tarfile.TarError as error:
            raise NotABackup(f"{self._path} is no whole backup: {name}: {error}") from None


def _opened_tar(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, mode="r:")
    except tarfile.TarError as error:
        raise NotABackup(f"{path} is no backup: {error}") from None
