"""Finds the end of a mail's header section while the mail arrives (RFC 5322 2.1)."""

from __future__ import annotations

import re

# Lines that are a field or go on with one. Possessive, so linear in what it reads.
_FIELD_LINES = re.compile(rb"(?:(?:[!-9;-~]++[ \t]*+:|[ \t])[^\n]*+\n)*+")


class HeaderBlock:
    """The beginning of a mail, collected until the header section is over.

    It is over with the first line that is no field: an empty one as a rule, text where a mail has none. After that
    `octets` holds the section and whatever arrived with its end.
    """

    def __init__(self, max_octets: int) -> None:
        """`max_octets` is how large a header section may be."""
        self.octets = bytearray()
        self.over = False
        self.too_large = False
        self._max_octets = max_octets
        self._looked_through = 0  # octets that are lines of fields

    def add(self, block: bytes) -> None:
        """Take more of the mail in; not to be called once the section is over."""
        self.octets += block
        if b"\n" in block:
            found = _FIELD_LINES.match(self.octets, self._looked_through)
            self._looked_through = found.end() if found else self._looked_through
            self.over = self.octets.find(b"\n", self._looked_through) >= 0
        if self._looked_through > self._max_octets:
            self.too_large = self.over = True
        elif len(self.octets) - self._looked_through > self._max_octets:
            self.over = True  # so long a line is no field

    @property
    def hops(self) -> int:
        """How many Received fields there are: servers that the mail came through (RFC 5321 6.3)."""
        section = bytes(self.octets[: self._looked_through]).lower()
        return section.count(b"\nreceived:") + section.startswith(b"received:")
