"""Takes from a process, for good, what a parser of strangers' mails never needs (seccomp(2), Linux).

No connection, no program, no file written, made, moved or removed, no look into another process. What it has open
stays open, and files may be read.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from typing import NamedTuple

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER_MODE = 38, 22, 2
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
# Classic BPF (linux/bpf_common.h): load a word of seccomp_data, compare, return.
_LOAD, _IF_EQUAL, _IF_GREATER_EQUAL, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in seccomp_data
_X32 = 0x40000000  # the other numbering on x86-64
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class _Calls(NamedTuple):
    architecture: int  # AUDIT_ARCH_* (linux/audit.h)
    refused: tuple[int, ...]
    opening: tuple[tuple[int, int], ...]  # number, and which argument has the flags


_NEW_EVERYWHERE = (
    *(424, 425, 434, 437, 438),  # pidfd_send_signal, io_uring_setup, pidfd_open, openat2, pidfd_getfd
    452,  # fchmodat2
)
_OF_MACHINE = {
    "x86_64": _Calls(
        0xC000003E,
        (
            *(41, 42, 43, 49, 50, 53, 288),  # socket, connect, accept, bind, listen, socketpair, accept4
            *(59, 322, 101, 310, 311, 62, 272, 308),  # execve(at), ptrace, process_vm_*, kill, unshare, setns
            *(76, 82, 83, 84, 85, 86, 87, 88, 90, 92, 94, 133),  # truncate, rename ... mknod
            *(
                258,
                259,
                260,
                263,
                264,
                265,
                266,
                268,
                316,
                165,
                166,
                161,
            ),  # mkdirat ... renameat2, mount, chroot
            *_NEW_EVERYWHERE,
        ),
        ((2, 1), (257, 2)),  # open, openat
    ),
    "aarch64": _Calls(
        0xC00000B7,
        (
            *(
                198,
                199,
                200,
                201,
                202,
                203,
                242,
            ),  # socket, socketpair, bind, listen, accept, connect, accept4
            *(
                221,
                281,
                117,
                270,
                271,
                129,
                97,
                268,
            ),  # execve(at), ptrace, process_vm_*, kill, unshare, setns
            *(
                33,
                34,
                35,
                36,
                37,
                38,
                45,
                53,
                54,
                276,
                40,
                39,
                51,
            ),  # mknodat, mkdirat ... renameat2, mount, chroot
            *_NEW_EVERYWHERE,
        ),
        ((56, 2),),
    ),
}


def confine() -> bool:
    """Gives up those rights for this process and all it starts; False where the platform has no way to.

    A refused call fails with EPERM, so that a library which tries one goes on without it.
    """
    calls = _OF_MACHINE.get(platform.machine())
    if platform.system() != "Linux" or calls is None or struct.calcsize("P") != 8:
        return False
    program = _program(calls)
    octets = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(octets))  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero) != 0:
        return False
    filter_ = ctypes.create_string_buffer(head, len(head))
    return bool(libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_FILTER_MODE), filter_, zero, zero) == 0)


def _program(calls: _Calls) -> bytes:
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, calls.architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_IF_GREATER_EQUAL, 0, 1, _X32),
        (_RETURN, 0, 0, _REFUSE),
    ]
    for number in calls.refused:
        steps += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    for number, argument in calls.opening:
        steps += [
            (_IF_EQUAL, 0, 4, number),
            (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
            (_IF_ANY_BIT, 0, 1, _WRITING),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        ]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *step) for step in steps)
