"""Takes the octets after DATA as they come in, finds their end, undoes the dot-stuffing (RFC 5321 4.5.2)."""

from __future__ import annotations

from io import BytesIO

_TERMINATOR = b"\r\n.\r\n"  # the only end of a mail: 2.3.8 and 4.1.1.4 know no other line ending
_BEGINNINGS = (_TERMINATOR[:4], _TERMINATOR[:3], _TERMINATOR[:2], _TERMINATOR[:1])


class Content:
    """The content of one mail while it is being received; needs memory for `max_octets` and one chunk.

    Once the mail is too large or one of its lines too long, nothing is kept any more and the octets are only
    counted.
    """

    def __init__(self, *, max_octets: int, max_line_octets: int, allowance: int) -> None:
        self._max_octets = max_octets
        self._max_line_octets = max_line_octets
        self._allowance = allowance  # octets read over `max_octets` in the hope of the end
        # DATA itself ended a line, so the first line can be the terminator or begin with a stuffed dot.
        self._held_back = b"\r\n"
        self._not_ours = 2  # octets of that line end, to be dropped again
        self._open_line = 0  # octets of the line that is not ended yet
        self._buffer = BytesIO()
        self.size = 0  # octets of the mail, dots undone, also of what was not kept
        self.line_too_long = False

    @property
    def too_large(self) -> bool:
        """True when the mail has more than `max_octets`."""
        return self.size > self._max_octets

    @property
    def exhausted(self) -> bool:
        """True when so much more than `max_octets` came that reading on makes no sense."""
        return self.size > self._max_octets + self._allowance

    def octets(self) -> bytes:
        """The mail as it was before dot-stuffing; empty when it is too large or has too long a line."""
        return self._buffer.getvalue()  # BytesIO hands out its own buffer here, without a second copy

    def feed(self, chunk: bytes) -> bytes | None:
        """Take more octets in.

        Returns None while the end is not reached, else what came after it: the next command of a pipelining
        client (RFC 2920).
        """
        block = self._held_back + chunk
        end = block.find(_TERMINATOR)
        if end >= 0:
            self._keep(block[: end + 2])
            return block[end + len(_TERMINATOR) :]
        held = next((len(start) for start in _BEGINNINGS if block.endswith(start)), 0)
        self._held_back = block[len(block) - held :]
        self._keep(block[: len(block) - held])
        return None

    def _keep(self, block: bytes) -> None:
        """Store a block in which no "CRLF ." can be cut in two at its end."""
        if not block:
            return
        lines = block.replace(b"\r\n.", b"\r\n")
        if self._not_ours:
            lines, self._not_ours = lines[self._not_ours :], 0
        self.size += len(lines)
        if not self.line_too_long:
            self._measure_lines(lines)
        if self.too_large or self.line_too_long:
            self._buffer = BytesIO()
        else:
            self._buffer.write(lines)

    def _measure_lines(self, lines: bytes) -> None:
        """Hop from line end to line end in steps as long as the limit allows."""
        limit = self._max_line_octets
        start = -self._open_line
        while len(lines) - start > limit:
            line_end = lines.rfind(b"\r\n", max(start, 0), start + limit + 2)
            if line_end < 0:
                self.line_too_long = True
                return
            start = line_end + 2
        last = lines.rfind(b"\r\n", max(start, 0))
        self._open_line = len(lines) - (last + 2 if last >= 0 else start)
