"""Takes the octets that lie outside the database into a backup as they lie there, and puts them back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from storage.backup.archive import BackupReader, BackupWriter
from storage.backup.manifest import NotABackup
from storage.blobs.place import BlobPlace, open_place
from storage.errors import NotFound

NAME = "elsewhere/octets"
_HEADING_OCTETS = 4  # of the length of a heading


@dataclass(frozen=True, slots=True)
class Apart:
    """Where the octets of a mail lie, as the copied records say."""

    mail_id: str
    place: str
    key: str


# The octets of a mail wherever they lie now; None when it was deleted since. Raises NotFound when they are lost.
Now = Callable[[str], bytes | None]


def copy_out(found: Iterable[Apart], now: Now, writer: BackupWriter) -> int:
    """How many mails' octets were taken; those deleted meanwhile are not. Raises StorageUnavailable, NotFound."""
    count = 0

    def framed() -> Iterator[bytes]:
        nonlocal count
        for one in found:
            octets = _octets(one, now)
            if octets is not None:
                count += 1
                heading = json.dumps({"place": one.place, "key": one.key, "size": len(octets)}).encode()
                yield len(heading).to_bytes(_HEADING_OCTETS) + heading
                yield octets

    writer.write(NAME, framed())
    return count


def _octets(one: Apart, now: Now) -> bytes | None:
    """As they lie there, encrypted where they are. One that was moved meanwhile is taken from where it is now."""
    try:
        return _opened(one.place).get(one.key)
    except NotFound:
        return now(one.mail_id)


def put_back(reader: BackupReader) -> int:
    """Puts everything where the records of the backup look for it; how many were missing there.

    What is there already stays: nothing is overwritten, and a second try does the rest.
    Raises StorageUnavailable, NotABackup.
    """
    written = 0
    stream = _Framed(reader.pieces(NAME))
    while heading := stream.heading():
        octets = stream.take(heading["size"])
        place = _opened(heading["place"])
        try:
            place.get(heading["key"])
        except NotFound:
            place.put(heading["key"], octets)
            written += 1
    return written


def _opened(url: str) -> BlobPlace:
    place = open_place(url)
    if place is None:
        raise NotABackup(f"nobody knows the place {url}")
    return place


class _Framed:
    """Headings and octets in turns, from pieces of any length."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = bytearray()

    def heading(self) -> dict[str, Any] | None:
        """The next one; None at the end."""
        if not self._left:
            self._left += next(self._pieces, b"")
        if not self._left:
            return None
        length = int.from_bytes(self.take(_HEADING_OCTETS))
        found: dict[str, Any] = json.loads(self.take(length))
        return found

    def take(self, size: int) -> bytes:
        """The next octets. Raises NotABackup when there are not so many."""
        while len(self._left) < size:
            piece = next(self._pieces, b"")
            if not piece:
                raise NotABackup("the octets of a mail are not whole in the backup")
            self._left += piece
        taken = bytes(self._left[:size])
        del self._left[:size]
        return taken
