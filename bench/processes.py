"""What the daemon and the processes it starts take of memory and processor time, from /proc (proc(5))."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from ingest.processing.authentication import process as sender_checking
from reading import sandbox
from validation import examiners

_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_EVERY_SECONDS = 0.2


class Role(StrEnum):
    """What a process below the daemon is there for."""

    READER = "reader"
    VALIDATOR = "validator"
    SENDER_CHECKER = "sender checker"
    UNKNOWN = "process of unknown kind"


_PROGRAMS = {
    sandbox.READER: Role.READER,
    examiners.PROGRAM: Role.VALIDATOR,
    sender_checking.PROGRAM: Role.SENDER_CHECKER,
}


@dataclass(frozen=True, slots=True)
class Child:
    """A process below the daemon."""

    role: Role
    octets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Proportional set sizes (PSS) in octets: memory, with what several processes share counted once."""

    at: float  # seconds since 1970
    daemon: int
    below: dict[int, Child]  # by process id

    @property
    def together(self) -> int:
        """The daemon and all below it."""
        return self.daemon + sum(child.octets for child in self.below.values())

    def of(self, role: Role) -> int:
        """All processes that are there for the same."""
        return sum(child.octets for child in self.below.values() if child.role is role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Seconds of processor time since a process began."""

    daemon: float
    below: float  # of all processes it started, also of those that were replaced

    def __sub__(self, before: Used) -> Used:
        return Used(daemon=self.daemon - before.daemon, below=self.below - before.below)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Seconds of all cores together since the machine started."""

    busy: float
    idle: float  # also while waiting for the disk
    stolen: float  # given to other machines on the same hardware


def machine() -> Machine:
    """What all processes of the machine used so far."""
    fields = (_PROC / "stat").read_text().partition("\n")[0].split()[1:9]
    user, nice, system, idle, waiting, hard, soft, stolen = (int(one) / _TICKS_PER_SECOND for one in fields)
    return Machine(busy=user + nice + system + hard + soft, idle=idle + waiting, stolen=stolen)


def sample(pid: int) -> Sample:
    """The memory of a daemon and of all below it now. Raises OSError when the daemon is gone."""
    below = {}
    for child in children(pid):
        try:
            below[child] = Child(_role(child), _pss(child))
        except OSError:
            continue  # replaced in this very moment
    return Sample(at=time.time(), daemon=_pss(pid), below=below)


def used(pid: int) -> Used:
    """The processor time of a daemon and of all below it so far. Raises OSError when the daemon is gone."""
    own, waited_for = _seconds(pid)
    living = 0.0
    for child in children(pid):
        try:
            living += sum(_seconds(child))
        except OSError:
            continue  # it counts as waited for from now on, or will soon
    return Used(daemon=own, below=waited_for + living)


def used_below(pid: int) -> dict[Role, float]:
    """Seconds of processor time of what runs below a daemon so far, by what it is there for."""
    seconds: dict[Role, float] = dict.fromkeys(Role, 0.0)
    for child in children(pid):
        with suppress(OSError):  # replaced in this very moment
            seconds[_role(child)] += sum(_seconds(child))
    return seconds


def threads(pid: int) -> list[Path]:
    """Where the kernel tells of the threads of a process; none when it has ended."""
    try:
        return list((_PROC / str(pid) / "task").iterdir())
    except FileNotFoundError:
        return []


def switches(pid: int) -> tuple[int, int]:
    """How often the threads of a process gave the core back: as they had to wait, and as they were made to."""
    waited, made_to = 0, 0
    for thread in threads(pid):
        with suppress(OSError):  # it has just ended
            fields = dict(line.split(":", 1) for line in (thread / "status").read_text().splitlines())
            waited += int(fields["voluntary_ctxt_switches"])
            made_to += int(fields["nonvoluntary_ctxt_switches"])
    return waited, made_to


class Watch:
    """Samples the memory of a daemon in the background, inside the block."""

    def __init__(self, pid: int) -> None:
        self.samples: list[Sample] = []
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(_EVERY_SECONDS):
            try:
                self.samples.append(sample(self._pid))
            except OSError:
                return  # the daemon is gone; whoever started it will notice


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    lists = (task / "children" for task in (_PROC / str(pid) / "task").iterdir())
    return [int(child) for one in lists if one.exists() for child in one.read_text().split()]


def _role(pid: int) -> Role:
    words = (_PROC / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    return next((_PROGRAMS[word] for word in words if word in _PROGRAMS), Role.UNKNOWN)


def _pss(pid: int) -> int:
    for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)  # a zombie has no memory


def _seconds(pid: int) -> tuple[float, float]:
    """Processor seconds of a process, and of the children it has waited for."""
    # The name in parentheses may hold spaces; fields are counted from behind it, the state being field 3.
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = map(int, fields[11:15])
    return (user + system) / _TICKS_PER_SECOND, (children_user + children_system) / _TICKS_PER_SECOND
