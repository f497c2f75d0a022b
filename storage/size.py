"""How much room the records take on a disk."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, func, select

from storage.blobs.octet_log import log_beside
from storage.database.engine import database_file

_BLOCK_OCTETS = 512  # st_blocks counts these, whatever the file system's own are (stat(2))


def size_octets(engine: Engine) -> int:
    """Octets of the database, its journal and the log of octets; holes in the log take none. Raises OSError."""
    file, log = database_file(engine), log_beside(engine)
    if file is None or log is None:
        with engine.connect() as connection:
            return connection.scalar(select(func.pg_database_size(func.current_database()))) or 0
    beside = [file.with_name(f"{file.name}-wal"), *(log.folder.iterdir() if log.folder.exists() else ())]
    return sum(_taken(path) for path in (file, *beside))


def _taken(path: Path) -> int:
    try:
        return path.stat().st_blocks * _BLOCK_OCTETS
    except FileNotFoundError:  # removed meanwhile
        return 0
