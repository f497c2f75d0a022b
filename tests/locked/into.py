"""`python -m tests.locked.into UNIT FOLDER COMMAND...`: becomes the command, under the restrictions of a unit.

What systemd would do is done by hand: filters of system calls, a file system that is read-only but for FOLDER, no right
of root's, limits. Without root's rights it is the filters and limits alone. Left out is what needs systemd itself: the
user, the control group (IPAddressDeny, DevicePolicy) and a /dev of its own; `debian/try` has them.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from pathlib import Path

from tests.locked.system_calls import filters_of, put_on
from tests.locked.unit import Section, is_on, read_unit

_NEW_NAMESPACES = 0x00020000 | 0x08000000  # CLONE_NEWNS, CLONE_NEWIPC
_MOUNT_SETATTR, _RECURSIVE, _READ_ONLY = 442, 0x8000, 0x1
_AT_WORKING_FOLDER, _BIND = -100, 0x5000  # MS_BIND, MS_REC
_NO_NEW_RIGHTS, _DROP, _KEEP_NO_CAPABILITIES = 38, 24, 28  # prctl(2)
_ROOT_IS_NOBODY = 0x1 | 0x2  # SECBIT_NOROOT, locked
_MOST_CAPABILITIES = 64
_STAYS_WRITABLE = ("/dev", "/proc", "/sys")  # as systemd.exec(5) says of ProtectSystem=strict
_TEMPORARY, _HOMES = ("/tmp", "/var/tmp"), ("/home", "/root")  # noqa: S108  -- they are hidden
_libc = ctypes.CDLL(None, use_errno=True)


def main(name: str, folder: str, *command: str) -> None:
    """Locks itself in and becomes the command."""
    service = read_unit(name)["Service"]
    filters = list(filters_of(service))  # asks systemd-analyze, which could not run later
    if may_be_root():
        _unmount(service, Path(folder))
        _give_up_rights()
    os.umask(int(service["UMask"][-1], 8))
    resource.setrlimit(resource.RLIMIT_CORE, (int(service["LimitCORE"][-1]),) * 2)
    if is_on(service, "NoNewPrivileges"):
        _must(_libc.prctl(_NO_NEW_RIGHTS, 1, 0, 0, 0), "no new privileges")
    put_on(filters)
    os.execvp(command[0], command)  # noqa: S606  -- that is what it is for


def may_be_root() -> bool:
    """Whether this process may make mounts of its own (CAP_SYS_ADMIN)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [effective] = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")]
    return bool(int(effective, 16) & 1 << 21)


def _unmount(service: Section, folder: Path) -> None:
    """A view of the files of its own: all of it read-only, homes and temporary folders hidden, but for the folder."""
    _must(_libc.unshare(_NEW_NAMESPACES), "unshare")
    _mount("--make-rprivate", "/")
    # What lies beside the folder is seen, too: a test's settings and certificates, as /etc would be.
    seen = (folder.parent, folder, *_interpreter())
    kept = {path: os.open(path, os.O_PATH) for path in seen if str(path) not in _TEMPORARY}
    hidden = [*_TEMPORARY] if is_on(service, "PrivateTmp") else []
    hidden += _HOMES if is_on(service, "ProtectHome") else ()
    if service["ProtectSystem"] == ["strict"]:
        _read_only("/", on=True)
        for place in _STAYS_WRITABLE:
            _read_only(place, on=False)
    for place in hidden:
        _mount("-t", "tmpfs", "-o", "mode=1777,size=256m", "none", place)
    for path, descriptor in kept.items():
        covered = any(path.is_relative_to(place) for place in hidden)
        if covered:
            path.mkdir(parents=True, exist_ok=True)
        if covered or path == folder:
            _bind(f"/proc/self/fd/{descriptor}", str(path))
            _read_only(str(path), on=path != folder)
    for place in _HOMES:
        if place in hidden:
            _read_only(place, on=True)
    _read_only(str(folder), on=False)
    if is_on(service, "ProtectKernelTunables"):
        for place in ("/proc/sys", "/sys"):
            _bind(place, place)
            _read_only(place, on=True)
    if service["ProcSubset"] == ["pid"]:
        _mount("-t", "proc", "-o", "hidepid=invisible,subset=pid", "proc", "/proc")
    for descriptor in kept.values():
        os.close(descriptor)


def _interpreter() -> set[Path]:
    """Where our own code lies: a checkout may be below a home, which a package never is."""
    return {Path(__file__).parents[2], Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}


def _read_only(place: str, *, on: bool) -> None:
    """Whether anything may be written there and below (mount_setattr(2))."""
    wanted = (ctypes.c_uint64 * 4)(_READ_ONLY if on else 0, 0 if on else _READ_ONLY, 0, 0)
    _must(
        _libc.syscall(
            _MOUNT_SETATTR,
            _AT_WORKING_FOLDER,
            place.encode(),
            _RECURSIVE,
            ctypes.byref(wanted),
            ctypes.c_size_t(32),
        ),
        f"read-only {place}",
    )


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _bind(source: str, place: str) -> None:
    """Not by mount(8): that would look up which path a descriptor once had."""
    _must(_libc.mount(source.encode(), place.encode(), None, _BIND, None), f"bind {place}")


def _give_up_rights() -> None:
    """The user stays, for the folder is its own; root's rights go."""
    for number in range(_MOST_CAPABILITIES):
        _libc.prctl(_DROP, number, 0, 0, 0)  # fails behind the last one
    _must(_libc.prctl(_KEEP_NO_CAPABILITIES, _ROOT_IS_NOBODY, 0, 0, 0), "capabilities")
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _must(_libc.capset(ctypes.byref(header), ctypes.byref(nothing)), "capset")


def _must(status: int, what: str) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), what)


if __name__ == "__main__":
    main(*sys.argv[1:])
