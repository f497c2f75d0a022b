"""What is sent in the comparison of the accept path, and the programs that send it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.accept.dialogue import REVERSE_PATH, forward_path
from bench.wave import BenchFailed

PATIENCE_SECONDS = 600.0
_SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A load, and what we should make of it."""

    name: str
    octets: int  # of a mail's body; its header comes on top
    sessions: int  # at once, one mail a connection
    trial: int  # mails by which the rate is guessed before the clock starts
    least: dict[str, float]  # least ratio of our rate to Postfix's, by engine; empty where none is set
    aim: float | None  # the ratio hoped for on SQLite
    tls: bool = False
    worker: bool = False  # our worker files the mails meanwhile, on the same cores


_SMALL = {"sqlite": 3.0, "postgresql": 2.5}
_MIDDLE = {"sqlite": 2.5, "postgresql": 1.5}
_LARGE = {"sqlite": 2.0, "postgresql": 1.5}

CASES = (
    Case(name="10k-50", octets=10_240, sessions=50, trial=400, least=_SMALL, aim=5.0),
    Case(name="10k-10", octets=10_240, sessions=10, trial=400, least=_SMALL, aim=5.0),
    Case(name="100k-50", octets=102_400, sessions=50, trial=200, least=_MIDDLE, aim=4.0),
    Case(name="100k-10", octets=102_400, sessions=10, trial=200, least=_MIDDLE, aim=4.0),
    Case(name="1m-10", octets=1_048_576, sessions=10, trial=40, least=_LARGE, aim=3.0),
    Case(name="10k-50-tls", octets=10_240, sessions=50, trial=200, least={}, aim=None, tls=True),
    Case(name="10k-50-worker", octets=10_240, sessions=50, trial=200, least={}, aim=None, worker=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A load that was sent: every mail of it was answered 250."""

    mails: int
    begun: float  # by the monotonic clock
    ended: float
    processor_seconds: float  # of the sending program
    ids: frozenset[str]  # the last word of each answer; smtp-source keeps none

    @property
    def per_second(self) -> float:
        """Mails acknowledged a second."""
        return self.mails / (self.ended - self.begun)


def program(name: str, package: str) -> str:
    """Where a program lies. Raises BenchFailed saying what to install."""
    found = shutil.which(name, path=_SEARCH_PATH)
    if found is None:
        raise BenchFailed(f"{name} is missing; install it with: apt-get install {package}")
    return found


def send(case: Case, address: Address, mails: int, certificate: Path | None) -> Sent:
    """Sends so many distinct mails in as many sessions as the case wants. Raises BenchFailed."""
    if case.tls:
        if certificate is None:
            raise BenchFailed(f"{case.name} is sent under TLS and needs a certificate")
        return _send_tls(case, address, mails, certificate)
    return _send_plain(case, address, mails)


def _send_plain(case: Case, address: Address, mails: int) -> Sent:
    command = [program("smtp-source", "postfix"), "-s", str(case.sessions), "-l", str(case.octets)]
    # Its Message-Id has process, descriptor and count, so no two mails are alike.
    command += ["-m", str(mails), "-f", REVERSE_PATH, "-t", forward_path(), f"{address[0]}:{address[1]}"]
    before, begun = _children_seconds(), time.monotonic()
    done = _finished(command)
    ended = time.monotonic()
    if done.returncode or done.stderr.strip() or done.stdout.strip():
        raise BenchFailed(f"smtp-source ended with {done.returncode}: {_last_line(done)}")
    return Sent(
        mails=mails,
        begun=begun,
        ended=ended,
        processor_seconds=_children_seconds() - before,
        ids=frozenset(),
    )


def _send_tls(case: Case, address: Address, mails: int, certificate: Path) -> Sent:
    command = [sys.executable, "-m", "bench.accept.sessions", address[0], str(address[1])]
    command += [str(case.octets), str(case.sessions), str(mails), str(certificate)]
    before = _children_seconds()
    done = _finished(command)
    if done.returncode or done.stderr.strip():
        raise BenchFailed(f"the client under TLS ended with {done.returncode}: {_last_line(done)}")
    told = json.loads(done.stdout)
    if told["failures"]:
        raise BenchFailed(f"{len(told['failures'])} sessions under TLS failed, one by {told['failures'][0]}")
    if len(told["ids"]) != mails:
        raise BenchFailed(f"{mails} mails were to be sent under TLS, {len(told['ids'])} were")
    return Sent(
        mails=mails,
        begun=told["begun"],
        ended=told["ended"],
        processor_seconds=_children_seconds() - before,
        ids=frozenset(told["ids"]),
    )


def _finished(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise BenchFailed(f"{command[0]} did not end within {PATIENCE_SECONDS:.0f} s") from error


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Where a traceback says what it is about; smtp-source says one line only."""
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return lines[-1] if lines else "it says nothing"


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
