"""New identifiers, sortable by time (UUID version 7, RFC 9562 5.7)."""

from __future__ import annotations

import os
import time

_VARIANT = "89ab"  # the two highest bits are 10


def new_id() -> str:
    """A UUIDv7 in its canonical text form, 36 characters."""
    when = f"{time.time_ns() // 1_000_000:012x}"
    random = os.urandom(10).hex()
    variant = _VARIANT[int(random[3], 16) & 3]
    return f"{when[:8]}-{when[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"
