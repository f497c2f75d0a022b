"""`forbidden.py FOLDER [--filters-only] [HOST:PORT]`: tries what a program under its unit has no business with.

What went well is printed. HOST:PORT is a server that is not on this machine, as far as the unit can tell.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_REFUSED = (errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT)
_PRIVATE_AND_NEW = 0x22  # MAP_PRIVATE, MAP_ANONYMOUS


def _call(name: str, *arguments: int) -> None:
    if getattr(_libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)


def _map_code() -> None:
    _libc.mmap.restype = ctypes.c_long
    protection = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    _call("mmap", None, 4096, protection, _PRIVATE_AND_NEW, -1, 0)  # type: ignore[arg-type]


def _turn_into_code() -> None:
    page = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    _call("mprotect", ctypes.c_void_p(address), 4096, mmap.PROT_READ | mmap.PROT_EXEC)  # type: ignore[arg-type]


def _set_user_bit() -> None:
    own = Path("own-program")
    own.touch()
    own.chmod(0o4755)


ATTEMPTS: dict[str, Callable[[], object]] = {
    "memory to write and execute": _map_code,
    "memory turned into code": _turn_into_code,
    "a socket to the kernel": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "a raw socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "a namespace": lambda: _call("unshare", 0x10000000),
    "another personality": lambda: _call("personality", 0x0040000),
    "real time": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "a program with its owner's rights": _set_user_bit,
    "a look into another process": lambda: _call("ptrace", 16, os.getppid(), 0, 0),
    "a key of the kernel's log": lambda: _call("klogctl", 3, 0, 0),
    "the clock": lambda: _call("adjtimex", 0),
    "a module": lambda: _call("syscall", 176, 0, 0),
    "the machine's name": lambda: _call("sethostname", 0, 1000),  # too long a name, if it came to that
    "a swap": lambda: _call("swapoff", 0),
}
AS_ROOT: dict[str, Callable[[], object]] = {
    "a file of the system": lambda: Path("/etc/invoices-was-here").touch(),
    "a file among the programs": lambda: Path("/usr/invoices-was-here").touch(),
    "a kernel setting": lambda: Path("/proc/sys/kernel/panic").read_text(encoding="ascii"),
    "a home": lambda: next(
        one for one in Path("/root").iterdir() if one not in Path(sys.base_prefix).parents
    ),
}


def main(folder: str, *more: str) -> int:
    """1 when anything went well that must not, or what must go does not."""
    os.chdir(folder)
    wrong = []
    attempts = ATTEMPTS | (AS_ROOT if "--filters-only" not in more else {})
    for place in more:
        if ":" in place:
            host, _, port = place.rpartition(":")
            attempts["a connection elsewhere"] = lambda at=(host, int(port)): socket.create_connection(at, 2)
    for name, attempt in attempts.items():
        try:
            attempt()
        except StopIteration:
            continue
        except OSError as error:
            if name in ATTEMPTS and error.errno not in _REFUSED:
                wrong.append(f"{name}: not refused, but {error}")
        else:
            wrong.append(name)
    Path("state").write_text("may be written", encoding="ascii")
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    socket.create_server(("127.0.0.1", 0)).close()
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
