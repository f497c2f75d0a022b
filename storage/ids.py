"""New identifiers, sortable by time (UUID version 7, RFC 9562 5.7)."""

from __future__ import annotations

import os
import threading
import time
from datetime import datetime

_VARIANT = "89ab"  # the two highest bits are 10
_FRACTIONS = 4096  # of a millisecond, in the 12 bits of rand_a (6.2, method 3)

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A UUIDv7 in its canonical text form, 36 characters; each is greater than those that this process made before."""
    global _last  # noqa: PLW0603  -- there is one clock
    with _lock:
        _last = max(_last + 1, time.time_ns() * _FRACTIONS // 1_000_000)
        milliseconds, fraction = divmod(_last, _FRACTIONS)
    when = f"{milliseconds:012x}"
    random = os.urandom(8).hex()
    variant = _VARIANT[int(random[0], 16) & 3]
    return f"{when[:8]}-{when[8:]}-7{fraction:03x}-{variant}{random[1:4]}-{random[4:16]}"


def first_id(at: datetime) -> str:
    """What no id made at that instant or later is below, in the order of texts; itself no id."""
    when = f"{max(0, int(at.timestamp() * 1000)):012x}"
    return f"{when[:8]}-{when[8:]}"
