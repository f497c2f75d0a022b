"""Cuts octets into rows as PostgreSQL keeps them, and writes these in the binary form of its COPY.

The driver would write each row by itself, and wait for its socket after every few; a mail of 1 MB is 132 rows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any

# A row that fills a page: larger ones PostgreSQL would cut in pieces of 2 KB, each with a row and an index entry.
OCTETS_OF_A_ROW = 8000

# "Binary Format" in PostgreSQL's page about COPY.
_BEGINNING = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, nothing added to the header
_END = b"\xff\xff"
_ID_FOLLOWS = struct.Struct(">hi")  # number of columns; octets of the first one
_OCTETS_FOLLOW = struct.Struct(">iii")  # octets of the second one, an int4; itself; octets of the third one
_COLUMNS = 3
_ROWS_OF_A_PORTION = 16  # of 8,000 octets: just under the 128 KiB that the driver takes without cutting


def row_sized(pieces: Iterable[bytes]) -> Iterator[bytes | memoryview]:
    """Octets, whatever pieces they lie in, as PostgreSQL keeps them, a row each; no octets are one empty row.

    Copied are only those rows that begin in one piece and end in another.
    """
    begun: bytes | memoryview = b""
    empty = True
    for piece in pieces:
        octets = memoryview(piece)
        if begun:
            missing = OCTETS_OF_A_ROW - len(begun)
            begun, octets = b"".join((begun, octets[:missing])), octets[missing:]
            if len(begun) < OCTETS_OF_A_ROW:
                continue
            yield begun
        whole = len(octets) // OCTETS_OF_A_ROW * OCTETS_OF_A_ROW
        yield from (octets[at : at + OCTETS_OF_A_ROW] for at in range(0, whole, OCTETS_OF_A_ROW))
        begun, empty = octets[whole:], empty and not octets
    if begun or empty:
        yield begun


def copied(rows: Iterable[tuple[Any, ...]]) -> Iterator[bytes]:
    """What COPY takes for rows of (id, position, octets), in portions; columns of varchar, int4 and bytea."""
    portion: list[bytes | memoryview] = [_BEGINNING]
    for number, (mail_id, position, octets) in enumerate(rows, start=1):
        key = mail_id.encode()
        portion += (_ID_FOLLOWS.pack(_COLUMNS, len(key)), key)
        portion += (_OCTETS_FOLLOW.pack(4, position, len(octets)), octets)
        if number % _ROWS_OF_A_PORTION == 0:
            yield b"".join(portion)
            portion = []
    yield b"".join((*portion, _END))
