"""Lets one process take all connections while they are few, and all processes when they are many (Linux)."""

from __future__ import annotations

import ctypes
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# Of socket(7), which Python does not name; a program chooses among the sockets of a port by number, in the order
# in which they began to listen.
_SO_ATTACH_REUSEPORT_CBPF = 51
_SO_DETACH_REUSEPORT_BPF = 68
_RETURN_FIRST = struct.pack("=HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K: number 0

MANY_SESSIONS = 16
_SECURED_COUNTS = 4  # one session under TLS takes as much processor time as so many without
_OCTETS_COUNT = 128 * 1024  # of a mail on its way, where large mails are better spread


class _Session(Protocol):
    tls: bool

    @property
    def octets_arrived(self) -> int:
        """Of the mail that is on its way."""


class Steering:
    """For the process whose sockets were the first to listen; the others need nothing.

    A commit costs the same for one mail as for some, so few sessions get on best in one process, whose commits they
    share. Many are better spread, and what is under TLS sooner, as there it is the processor that counts; so are large
    mails where the octets of several processes are written at the same time. Where the kernel knows no such steering
    it spreads always, which is right but for the speed.
    """

    def __init__(
        self, sockets: Iterable[socket.socket], processes: int, *, writers_at_once: bool = False
    ) -> None:
        """`sockets` are those of the first process, of `processes` in all.

        `writers_at_once`: what takes the mails lets processes write beside each other, as PostgreSQL does.
        """
        self._sockets = [one for one in sockets if one.family != socket.AF_UNIX]
        self._writers_at_once = writers_at_once
        self._few = max(1, MANY_SESSIONS // (2 * processes))
        self._spread = True

    def count(self, sessions: Collection[_Session]) -> None:
        """These sessions are open in this process."""
        weight = len(sessions)
        if weight < MANY_SESSIONS:
            weight += (_SECURED_COUNTS - 1) * sum(session.tls for session in sessions)
            if self._writers_at_once:
                weight += sum(session.octets_arrived for session in sessions) // _OCTETS_COUNT
        if self._spread and weight <= self._few:
            self._spread = False
            for one in self._sockets:
                _take_all(one)
        elif not self._spread and weight >= MANY_SESSIONS:
            self._spread = True
            spread(self._sockets)


def spread(sockets: Iterable[socket.socket]) -> None:
    """Connections go to all processes, as the kernel likes."""
    for one in sockets:
        if one.family != socket.AF_UNIX:
            with suppress(OSError):  # it never took all
                one.setsockopt(socket.SOL_SOCKET, _SO_DETACH_REUSEPORT_BPF, 0)


def _take_all(first: socket.socket) -> None:
    program = ctypes.create_string_buffer(_RETURN_FIRST, len(_RETURN_FIRST))
    fprog = struct.pack("@HP", 1, ctypes.addressof(program))  # struct sock_fprog
    with suppress(OSError):  # a kernel without it, or a socket that is shared in another way
        first.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, fprog)
