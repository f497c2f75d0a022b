"""Tells the kernel that this process is in no hurry, so that whoever wakes up beside it has the processor at once."""

from __future__ import annotations

import ctypes
import platform
import struct

# A longer slice is no more of the processor's time (that is what niceness is about), only in larger pieces: a process
# with a shorter one, which has the kernel's own (about 3 ms), may break into it as soon as it wakes up.
SLICE_SECONDS = 0.1  # the longest there is

_GET, _SET = {"x86_64": (315, 314), "aarch64": (275, 274)}.get(platform.machine(), (0, 0))
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")  # struct sched_attr, of 48 octets
_NORMAL = 0  # SCHED_OTHER
_libc = ctypes.CDLL(None, use_errno=True)


def in_no_hurry() -> bool:
    """Has this process make way for everybody that wakes up; whether the kernel took note.

    Linux before 6.12 takes the call and makes nothing of it; it mattered less there. A unit may forbid it.
    """
    octets = ctypes.create_string_buffer(_ATTRIBUTES.size)
    if not _GET or _libc.syscall(_GET, 0, octets, _ATTRIBUTES.size, 0):
        return False
    size, policy, flags, nice, priority, _, deadline, period = _ATTRIBUTES.unpack(octets.raw)
    if policy != _NORMAL:
        return False
    slice_nanoseconds = int(SLICE_SECONDS * 1e9)
    changed = _ATTRIBUTES.pack(size, policy, flags, nice, priority, slice_nanoseconds, deadline, period)
    return not _libc.syscall(_SET, 0, ctypes.create_string_buffer(changed, len(changed)), 0)
