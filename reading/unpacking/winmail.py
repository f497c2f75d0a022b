"""Opens winmail.dat, in which Outlook wraps what it attaches (TNEF, MS-OXTNEF)."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator

from tnefparse import TNEF

from reading.unpacking.opened import Budget, Opened, Packed, collected

# It tells of every oddity of a file; what strangers write does not belong in our log.
logging.getLogger("tnef-decode").setLevel(logging.CRITICAL)
logging.getLogger("tnefparse").setLevel(logging.CRITICAL)

_HEADER = 6  # octets: signature and key (MS-OXTNEF 2.1.3.1)
_BEFORE_DATA = 9


def open_winmail(octets: bytes, budget: Budget) -> Opened:
    """The attachments in a TNEF stream. Never raises."""
    return collected(_attachments(octets, budget), broken=lambda _: "the winmail.dat is damaged")


def _attachments(octets: bytes, budget: Budget) -> Iterator[Packed]:
    """Those that are whole; raises ValueError behind them when the stream is not."""
    for attachment in TNEF(octets, do_checksum=False).attachments:
        content = attachment.data
        if not isinstance(content, bytes):
            continue
        budget.take_file()
        budget.take(len(content))
        yield Packed(attachment.long_filename() or None, content)
    if not _is_whole(octets):
        raise ValueError("cut off")


def _is_whole(octets: bytes) -> bool:
    """Whether the attributes fill the stream to its end: level, id, length, data, checksum (MS-OXTNEF 2.1.3.2)."""
    at = _HEADER
    while at + _BEFORE_DATA <= len(octets):
        [length] = struct.unpack_from("<I", octets, at + 5)
        at += _BEFORE_DATA + length + 2
    return at == len(octets) or (at < len(octets) and not octets[at:].strip(b"\0\r\n"))
