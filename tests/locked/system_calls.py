"""Filters of system calls as a unit asks systemd for them, put on this process by libseccomp.

What each setting forbids is told in systemd.exec(5); the groups are those of the systemd that is installed.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.locked.unit import Section, is_on

_ALLOW, _REFUSE, _MISSING = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_IS_NOT, _IS, _ABOVE, _HAS = 1, 4, 6, 7  # scmp_compare: NE, EQ, GT, MASKED_EQ
_WRITE, _EXECUTE = 0x2, 0x4  # PROT_*
_SHM_EXEC, _MAP_NEW_SPACES = 0o100000, 0x7E020080  # CLONE_NEW* of clone(2)
_LINUX = 0  # PER_LINUX
_REALTIME = (1, 2, 6)  # SCHED_FIFO, SCHED_RR, SCHED_DEADLINE
_CREATE = 0o100
ALWAYS = ("@default",)  # systemd adds them to every list of what is allowed


class _Condition(ctypes.Structure):
    """struct scmp_arg_cmp: argument, comparison, what it is compared with (the mask first, where there is one)."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("comparison", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """One system call, what is done about it, and when: (argument, comparison, value, value beneath the mask)."""

    call: str
    answer: int = _REFUSE
    when: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """What is done where no rule applies, and the rules."""

    otherwise: int
    rules: tuple[Rule, ...]


def filters_of(service: Section) -> Iterator[Filter]:
    """Every filter that systemd would put on a service."""
    refused: list[Rule] = []
    if is_on(service, "MemoryDenyWriteExecute"):
        refused += _no_new_code()
    if is_on(service, "RestrictNamespaces"):
        refused += _no_namespaces()
    if is_on(service, "RestrictRealtime"):
        refused += [Rule("sched_setscheduler", when=((1, _IS, policy, 0),)) for policy in _REALTIME]
    if is_on(service, "RestrictSUIDSGID"):
        refused += _no_borrowed_rights()
    if is_on(service, "LockPersonality"):
        refused.append(Rule("personality", when=((0, _IS_NOT, _LINUX, 0),)))
    families = {getattr(socket, name) for name in " ".join(service["RestrictAddressFamilies"]).split()}
    refused += [Rule("socket", when=((0, _IS, one, 0),)) for one in range(64) if one not in families]
    refused.append(Rule("socket", when=((0, _ABOVE, 63, 0),)))
    yield Filter(_ALLOW, tuple(refused))
    # The last one: it refuses to put on another.
    yield Filter(_REFUSE, tuple(Rule(name, _ALLOW) for name in sorted(_allowed(service["SystemCallFilter"]))))


def _allowed(lines: Sequence[str]) -> set[str]:
    allowed: set[str] = set()
    for name in ALWAYS:
        allowed |= _members(name)
    for line in lines:
        named = {call for word in line.removeprefix("~").split() for call in _members(word)}
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def _members(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "--no-pager", "syscall-filter", name]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    words = [line.strip() for line in told if line.strip() and not line.strip().startswith("#")]
    return {call for word in words for call in _members(word)}


def _no_new_code() -> list[Rule]:
    both = _WRITE | _EXECUTE
    return [
        Rule("mmap", when=((2, _HAS, both, both),)),
        Rule("mprotect", when=((2, _HAS, _EXECUTE, _EXECUTE),)),
        Rule("pkey_mprotect", when=((2, _HAS, _EXECUTE, _EXECUTE),)),
        Rule("shmat", when=((2, _HAS, _SHM_EXEC, _SHM_EXEC),)),
    ]


def _no_namespaces() -> list[Rule]:
    kinds = [1 << bit for bit in range(32) if _MAP_NEW_SPACES & 1 << bit]
    made = [Rule(call, when=((0, _HAS, kind, kind),)) for call in ("unshare", "clone") for kind in kinds]
    return [*made, Rule("clone3", _MISSING), Rule("setns")]


def _no_borrowed_rights() -> list[Rule]:
    places = {
        "chmod": 1,
        "fchmod": 1,
        "fchmodat": 2,
        "mkdir": 1,
        "mkdirat": 2,
        "mknod": 1,
        "mknodat": 2,
        "creat": 1,
    }
    bits = (stat.S_ISUID, stat.S_ISGID)
    rules = [Rule(call, when=((place, _HAS, bit, bit),)) for call, place in places.items() for bit in bits]
    for call, flags in (("open", 1), ("openat", 2)):
        rules += [
            Rule(call, when=((flags, _HAS, _CREATE, _CREATE), (flags + 1, _HAS, bit, bit))) for bit in bits
        ]
    return [*rules, Rule("openat2", _MISSING)]


def put_on(filters: Sequence[Filter]) -> None:
    """Puts the filters on this process for good, and on all that it starts. Raises OSError."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    for wanted in filters:
        context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(wanted.otherwise)))
        if not context:
            raise OSError("seccomp_init")
        for rule in wanted.rules:
            _add(library, context, rule)
        failed = library.seccomp_load(context)
        if failed:
            raise OSError(-failed, "seccomp_load")
        library.seccomp_release(context)


def _add(library: ctypes.CDLL, context: ctypes.c_void_p, rule: Rule) -> None:
    number = library.seccomp_syscall_resolve_name(rule.call.encode())
    if number < 0:  # not on this architecture, or newer than the library
        return
    conditions = (_Condition * max(len(rule.when), 1))(*rule.when)
    failed = library.seccomp_rule_add_array(
        context, ctypes.c_uint32(rule.answer), number, len(rule.when), conditions
    )
    if failed:
        raise OSError(-failed, f"{rule.call}: {rule.when}")
