"""Holds an arriving mail to the limits of its content, and digests it on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ingest.receiving.header_block import HeaderBlock
from ingest.receiving.replies import Reply

if TYPE_CHECKING:
    from ingest.receiving.transfer_key import TransferDigest

_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")


class BareLineEnds(StrEnum):
    """What becomes of a mail with a CR or LF that stands alone (RFC 5321 2.3.8)."""

    KEEP = "keep"  # taken octet for octet; such a line end never ends a mail, whatever is set
    NORMALISE = "normalise"  # each becomes CRLF
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentLimits:
    """How large a mail and its parts may be."""

    max_octets: int
    max_line_octets: int = 1024 * 1024
    max_header_octets: int = 1024 * 1024  # of the header section
    max_hops: int = 100  # Received fields; RFC 5321 6.3 takes more for a loop
    bare_line_ends: BareLineEnds = BareLineEnds.KEEP


class ArrivingMail:
    """The content of one mail while it is being received; holds its header section and nothing else."""

    def __init__(self, limits: ContentLimits, digest: TransferDigest) -> None:
        self._limits = limits
        self._digest = digest
        self._header = HeaderBlock(limits.max_header_octets)
        self._header_taken = False
        self._open_line = 0  # octets of the line that is not ended yet
        self.size = 0  # octets of the mail, also of what was not kept
        self.normalised = False  # a CR or LF that stood alone became CRLF
        self.refusal: tuple[Reply, str] | None = None  # why it cannot be taken, and the limit that it breaks

    @property
    def endless(self) -> bool:
        """True when so much more than allowed came that reading on makes no sense."""
        return self.size > 2 * self._limits.max_octets

    def add(self, block: bytes) -> bytes:
        """Take more octets of the mail in, no CRLF cut in two; returns those to be kept.

        Nothing is kept once the mail breaks a limit; its octets are only counted then.
        """
        if self.refusal is None and self._limits.bare_line_ends is not BareLineEnds.KEEP:
            block = self._with_whole_line_ends(block)
        self.size += len(block)
        if self.size > self._limits.max_octets:
            self.refusal = (Reply.TOO_LARGE, str(self._limits.max_octets))
        if self.refusal is not None:
            return b""
        self._measure_lines(block)
        if self._header_taken:
            self._digest.update(block)
        else:
            self._read_header(block)
        return block if self.refusal is None else b""

    def refuse(self, reply: Reply) -> None:
        """Take nothing more in, for a reason that does not lie in the mail."""
        if self.refusal is None:
            self.refusal = (reply, "")

    def transfer_digest(self) -> bytes:
        """The digest of the whole mail, once it is there; see `TransferDigest`."""
        if not self._header_taken:
            self._take_header()
        return self._digest.digest()

    def _with_whole_line_ends(self, block: bytes) -> bytes:
        whole = block.count(b"\r\n")
        if block.count(b"\n") == whole and block.count(b"\r") == whole:
            return block
        if self._limits.bare_line_ends is BareLineEnds.REFUSE:
            self.refusal = (Reply.BARE_LINE_END, "")
            return block
        self.normalised = True
        return _ANY_LINE_END.sub(b"\r\n", block)

    def _read_header(self, block: bytes) -> None:
        self._header.add(block)
        if self._header.too_large:
            self.refusal = (Reply.HEADER_TOO_LARGE, str(self._limits.max_header_octets))
        elif self._header.over:
            self._take_header()

    def _take_header(self) -> None:
        self._header_taken = True
        if self._header.hops > self._limits.max_hops:
            self.refusal = (Reply.TOO_MANY_HOPS, str(self._limits.max_hops))
        self._digest.begin(bytes(self._header.octets))
        self._header.octets.clear()

    def _measure_lines(self, block: bytes) -> None:
        """Hop from line end to line end in steps as long as the limit allows."""
        limit = self._limits.max_line_octets
        start = -self._open_line
        while len(block) - start > limit:
            line_end = block.rfind(b"\r\n", max(start, 0), start + limit + 2)
            if line_end < 0:
                self.refusal = (Reply.CONTENT_LINE_TOO_LONG, str(limit))
                return
            start = line_end + 2
        last = block.rfind(b"\r\n", max(start, 0))
        self._open_line = len(block) - (last + 2 if last >= 0 else start)
