"""Copies an SQLite database and the log of octets beside it, and puts both back."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from sqlalchemy import Engine

from storage.backup.apart import Apart, Now, copy_out, put_back
from storage.backup.archive import BackupReader, BackupWriter
from storage.backup.manifest import Contents, NotABackup, Table
from storage.blobs.octet_log import Extent, OctetLog, log_beside
from storage.database.engine import database_file
from storage.errors import Conflict

_DATABASE = "database"
_OCTETS = "octets"
_PIECE_OCTETS = 1024 * 1024
_EXTENTS = "SELECT segment_id, position, size FROM mail_extent WHERE mail_id IS NOT NULL ORDER BY segment_id, position"


_APART = "SELECT mail_id, place, key FROM mail_blob WHERE mail_id IS NOT NULL ORDER BY key"


def back_up(engine: Engine, writer: BackupWriter, now: Now | None = None) -> Contents:
    """Copies everything as it is at one instant; mail is taken and filed meanwhile.

    VACUUM INTO is such a copy, and leaves behind what was deleted and still lies in free pages. The caller keeps
    anybody from erasing in the log. With `now`, octets outside the database come along.
    Raises sqlite3.Error, OSError, StorageUnavailable, NotFound.
    """
    file, log = database_file(engine), log_beside(engine)
    if file is None or log is None:
        raise NotABackup("a database in memory cannot be backed up")
    with _room_for_copy(file) as copy:
        with closing(engine.raw_connection()) as pooled:
            pooled.driver_connection.execute("VACUUM INTO ?", (str(copy),))  # type: ignore[union-attr]  # it is open
        with closing(sqlite3.connect(copy)) as connection:
            contents = _contents(connection)
            extents = [Extent(*row) for row in connection.execute(_EXTENTS)]
            if now is not None:
                found = (Apart(*row) for row in connection.execute(_APART))
                contents = replace(contents, elsewhere=copy_out(found, now, writer))
        writer.write(_DATABASE, _pieces_of(copy))
    for segment, places in groupby(extents, lambda place: place.segment):
        writer.write(f"{_OCTETS}/{segment}", (piece for place in places for piece in log.pieces(place)))
    return contents


def restore(engine: Engine, reader: BackupReader) -> None:
    """Makes the files anew; the database gets its name last, so that a restore that breaks off leaves none.

    Raises Conflict when something is there, NotABackup, sqlite3.Error, OSError.
    """
    file, log = database_file(engine), log_beside(engine)
    if file is None or log is None:
        raise NotABackup("nothing can be restored into a database in memory")
    for path in (file, log.folder):
        if path.exists():
            raise Conflict(f"{path} is there already; a restore overwrites nothing: move it away first")
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    unfinished = file.with_name(f"{file.name}.restoring")
    with _removed_on_failure(unfinished, log.folder):
        _write_synced(unfinished, reader.pieces(_DATABASE))
        with closing(sqlite3.connect(unfinished)) as connection:
            extents = [Extent(*row) for row in connection.execute(_EXTENTS)]
            _expect_sound(connection)
        for segment, places in groupby(extents, lambda place: place.segment):
            _write_segment(log, segment, list(places), reader.pieces(f"{_OCTETS}/{segment}"))
        put_back(reader)
        unfinished.rename(file)
    descriptor = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(descriptor)
    os.close(descriptor)


@contextmanager
def _room_for_copy(file: Path) -> Iterator[Path]:
    """An empty file beside the database; one that a killed backup left is used again, so that nothing piles up."""
    copy = file.with_name(f"{file.name}-backup")
    descriptor = os.open(copy, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("another backup of this database is under way") from None
        os.ftruncate(descriptor, 0)
        try:
            yield copy
        finally:
            copy.unlink()
    finally:
        os.close(descriptor)


def _contents(connection: sqlite3.Connection) -> Contents:
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        )
    ]
    [[schema]] = connection.execute("SELECT version_num FROM alembic_version")
    return Contents(
        engine="sqlite",
        schema=schema,
        tables=tuple(_table(connection, name) for name in names if name != "alembic_version"),
    )


def _table(connection: sqlite3.Connection, name: str) -> Table:
    columns = tuple(row[1] for row in connection.execute(f"PRAGMA table_info({name})"))
    [[rows]] = connection.execute(f"SELECT count(*) FROM {name}")  # noqa: S608  -- the name is the database's own
    return Table(name, columns, rows)


def _pieces_of(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(_PIECE_OCTETS):
            yield piece


def _expect_sound(connection: sqlite3.Connection) -> None:
    [[said]] = connection.execute("PRAGMA quick_check(1)")
    if said != "ok":
        raise NotABackup(f"the database in the backup is damaged: {said}")


def _write_segment(log: OctetLog, segment: str, places: list[Extent], pieces: Iterator[bytes]) -> None:
    """Each mail where the database looks for it; between them are holes, as there were."""
    log.folder.mkdir(mode=0o750, exist_ok=True)
    path = log.folder / segment
    octets = _Stream(pieces)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as stream:
        for place in places:
            stream.seek(place.position)
            for piece in octets.take(place.size):
                stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())


class _Stream:
    """Pieces of any length, given out again by the octet."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def take(self, size: int) -> Iterator[memoryview]:
        """The next `size` octets. Raises NotABackup when there are not so many."""
        while size:
            if not self._left:
                self._left = memoryview(next(self._pieces, b""))
                if not self._left:
                    raise NotABackup("the octets of a mail are not whole in the backup")
            piece, self._left = self._left[:size], self._left[size:]
            size -= len(piece)
            yield piece


def _write_synced(path: Path, pieces: Iterator[bytes]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as stream:
        for piece in pieces:
            stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def _removed_on_failure(file: Path, folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        raise
