"""Takes the octets after DATA as they come in, finds their end, undoes the dot-stuffing (RFC 5321 4.5.2)."""

from __future__ import annotations

_TERMINATOR = b"\r\n.\r\n"  # the only end of a mail: 2.3.8 and 4.1.1.4 know no other line ending
_DOT = _TERMINATOR[:3]
_BEGINNINGS = (_TERMINATOR[:4], _TERMINATOR[:3], _TERMINATOR[:2], _TERMINATOR[:1])


class DottedContent:
    """The decoder of one mail sent with DATA. It holds back at most four octets."""

    def __init__(self) -> None:
        # DATA itself ended a line, so the first line can be the terminator or begin with a stuffed dot.
        self._held_back = b"\r\n"
        self._not_ours = 2  # octets of that line end, to be dropped again

    def feed(self, chunk: bytes | bytearray) -> tuple[bytes, bytes | None]:
        """Take more octets in.

        Returns octets of the mail, and what came after its end: None while the end is not reached, else the next
        commands of a pipelining client (RFC 2920). No CRLF is ever cut in two between two answers.
        """
        block = self._held_back + chunk if self._held_back else bytes(chunk)  # bytes are not copied
        # Base64 has no dots, and a search for a single octet is many times faster than one for three.
        first = block.find(b".", 2)
        dot = block.find(_DOT, first - 2) if first >= 0 else -1
        end = block.find(_TERMINATOR, dot) if dot >= 0 else -1
        if end >= 0:
            return self._lines(block[: end + 2], stuffed=dot < end), block[end + len(_TERMINATOR) :]
        held = next((len(start) for start in _BEGINNINGS if block.endswith(start)), 0)
        self._held_back = block[len(block) - held :]
        return self._lines(block[: len(block) - held], stuffed=dot >= 0), None

    def _lines(self, block: bytes, *, stuffed: bool) -> bytes:
        """A block in which no "CRLF ." is cut in two at its end, as it was before dot-stuffing."""
        lines = block.replace(_DOT, b"\r\n") if stuffed else block
        if self._not_ours and lines:
            lines, self._not_ours = lines[self._not_ours :], 0
        return lines


class ChunkedContent:
    """The decoder of a mail sent with BDAT (RFC 3030): octets as they are, but no CRLF cut in two."""

    def __init__(self) -> None:
        self._held_back = b""

    def feed(self, chunk: bytes | bytearray, *, last: bool) -> bytes:
        """Take more octets in; octets of the mail."""
        block = self._held_back + chunk if self._held_back else bytes(chunk)
        held = 1 if block.endswith(b"\r") and not last else 0
        self._held_back = block[len(block) - held :]
        return block[: len(block) - held]
