"""Several mails in one message between processes, or what was read from each of them, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_LENGTH_OCTETS = 8


def joined(head: bytes, parts: Iterable[bytes]) -> bytes:
    """One message of a head and any number of parts."""
    return b"".join([head, *(piece for one in parts for piece in (len(one).to_bytes(_LENGTH_OCTETS), one))])


def parts_of(message: bytes, start: int) -> Iterator[bytes]:
    """The parts behind the first `start` octets. Raises ValueError where they are not whole."""
    view = memoryview(message)
    while start < len(view):
        begins = start + _LENGTH_OCTETS
        start = begins + int.from_bytes(view[start:begins])
        if start > len(view):
            raise ValueError("a part is cut off")
        yield bytes(view[begins:start])
