"""Keeps the octets of large mails in files beside an SQLite database: written once, and not through its journal."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from storage.database.engine import database_file
from storage.records.mails import CHUNK_OCTETS, MailContent

SEGMENT_OCTETS = 256 * 1024 * 1024  # after which the next segment begins
_MOST_PIECES = 512  # in one writev(2); the system takes 1,024
_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # fallocate(2)
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Extent:
    """Where the octets of a mail lie."""

    segment: str
    position: int  # octets from the beginning of the segment
    size: int  # octets


def log_beside(engine: Engine) -> OctetLog | None:
    """The log that takes large mails of an SQLite database; it lies beside the file. None for PostgreSQL."""
    file = database_file(engine)
    return OctetLog(file.with_name(f"{file.name}-octets")) if file else None


class OctetLog:
    """A folder of segments. No place in a segment is ever used twice, so what is erased late harms nobody."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def pieces(self, extent: Extent) -> Iterator[bytes]:
        """The octets, in pieces. Raises OSError, also when the segment is shorter than it must be."""
        with _opened(self._path(extent.segment), os.O_RDONLY) as descriptor:
            position, end = extent.position, extent.position + extent.size
            while position < end:
                piece = os.pread(descriptor, min(CHUNK_OCTETS, end - position), position)
                if not piece:
                    raise OSError(errno.EIO, "ends too early", str(self._path(extent.segment)))
                position += len(piece)
                yield piece

    def erase(self, extents: Iterable[Extent]) -> None:
        """Gives the places back to the disk; what was there is gone, durably. Raises OSError."""
        by_segment: dict[str, list[Extent]] = {}
        for extent in extents:
            by_segment.setdefault(extent.segment, []).append(extent)
        for segment, places in by_segment.items():
            try:
                with _opened(self._path(segment), os.O_RDWR) as descriptor:
                    for place in places:
                        _erase(descriptor, place.position, place.size)
                    os.fdatasync(descriptor)
            except FileNotFoundError:
                continue

    def take(self, segment: str, claim: Callable[[], int]) -> OpenSegment | None:
        """Takes a segment for writing; made when it is not there. None while somebody else has it, or it is full.

        `claim` is called once nobody else can write to it. It says where the last place ends that the database
        knows of, which must be durable; what lies behind was never promised to anybody and is erased. Raises OSError.
        """
        path = self._path(segment)
        self.folder.mkdir(mode=0o750, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(descriptor)
            if found.st_nlink and found.st_size < SEGMENT_OCTETS:  # 0: it was removed just now
                used = claim()
                if found.st_size > used:
                    _erase(descriptor, used, found.st_size - used)
                    os.fdatasync(descriptor)
                _sync_folder(self.folder)
                return OpenSegment(segment, descriptor, max(used, found.st_size))
        except BlockingIOError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def erase_end(self, segment: str, end: int, claim: Callable[[], int]) -> None:
        """Erases what lies behind the last place of a segment that nobody writes to: its process was killed.

        A writer that takes the segment does the same, but a full one is never taken again. `end` is where the last
        place ended just now; `claim` is as in `take`, and called when there is anything to erase. Raises OSError.
        """
        with (
            suppress(FileNotFoundError, BlockingIOError),
            _opened(self._path(segment), os.O_RDWR) as descriptor,
        ):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size = os.fstat(descriptor).st_size
            if _holds_anything(descriptor, end, size) and (used := claim()) < size:
                _erase(descriptor, used, size - used)
                os.fdatasync(descriptor)

    def remove(self, segment: str) -> bool:
        """Removes a segment that nothing lies in any more; False while somebody writes to it. Raises OSError."""
        try:
            with _opened(self._path(segment), os.O_RDWR) as descriptor:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._path(segment).unlink()
        except FileNotFoundError:
            return True
        except BlockingIOError:
            return False
        _sync_folder(self.folder)
        return True

    def _path(self, segment: str) -> Path:
        return self.folder / segment


class OpenSegment:
    """A segment that this process, and nobody else, appends to."""

    def __init__(self, name: str, descriptor: int, end: int) -> None:
        self.name = name
        self._descriptor = descriptor
        self._end = end

    @property
    def full(self) -> bool:
        """True when the next mail belongs into another one."""
        return self._end >= SEGMENT_OCTETS

    def append(self, contents: Sequence[MailContent]) -> list[Extent]:
        """Writes contents one behind the other, durably. Raises OSError; close it then and take another."""
        extents = []
        for content in contents:
            extents.append(Extent(self.name, self._end, content.size))
            self._write(content.pieces())
            if self._end != extents[-1].position + content.size:
                raise OSError(errno.EIO, "the content of a mail is not as long as it says")
        os.fdatasync(self._descriptor)
        return extents

    def close(self) -> None:
        """Lets go of it; whoever takes it next erases what was not promised."""
        os.close(self._descriptor)

    def _write(self, pieces: Iterable[bytes]) -> None:
        some: list[bytes] = []
        for piece in pieces:
            some.append(piece)
            if len(some) == _MOST_PIECES:
                self._write_all(some)
                some = []
        if some:
            self._write_all(some)

    def _write_all(self, pieces: list[bytes]) -> None:
        wanted = sum(map(len, pieces))
        written = os.pwritev(self._descriptor, pieces, self._end)
        self._end += written
        if written < wanted:
            left = memoryview(b"".join(pieces))[written:]
            while left:
                written = os.pwrite(self._descriptor, left, self._end)
                self._end += written
                left = left[written:]


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _holds_anything(descriptor: int, position: int, end: int) -> bool:
    """Whether any octet there is not zero. Raises OSError."""
    while position < end:
        try:
            position = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a hole to the end
                return False
            raise
        piece = os.pread(descriptor, CHUNK_OCTETS, position)
        if piece.strip(b"\0"):
            return True
        position += len(piece) or end
    return False


def _erase(descriptor: int, position: int, size: int) -> None:
    if _punched(descriptor, position, size):
        return
    zeros = memoryview(bytes(min(size, CHUNK_OCTETS)))  # the place stays taken, but is empty
    end = position + size
    while position < end:
        position += os.pwrite(descriptor, zeros[: end - position], position)


def _punched(descriptor: int, position: int, size: int) -> bool:
    """Whether the place was given back; not every file system can. Raises OSError."""
    mode = _KEEP_SIZE | _PUNCH_HOLE
    if _libc.fallocate(descriptor, mode, ctypes.c_int64(position), ctypes.c_int64(size)) == 0:
        return True
    failure = ctypes.get_errno()
    if failure in (errno.EOPNOTSUPP, errno.ENOSYS):
        return False
    raise OSError(failure, os.strerror(failure))


def _sync_folder(folder: Path) -> None:
    with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        os.fsync(descriptor)
