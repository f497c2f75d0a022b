"""One wave: a number of mails sent at once by many sessions, until all is done that is to be done about them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.daemon_log import DaemonLog, Filed
from bench.processes import Machine, Sample, Used, machine, sample, used

QUIET_SECONDS = 1.0  # after the last invoice is validated, before memory at rest is read
PATIENCE_SECONDS = 120.0  # without a single mail being filed, or invoice validated


class BenchFailed(Exception):  # noqa: N818  -- says what happened
    """The benchmark cannot go on; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A mail that was answered 250; times in seconds since 1970."""

    index: int
    mail_id: str
    begun: float  # before the connection was made, or after the mail before on the same one
    content_begun: float  # first octet after DATA
    answered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """What was measured."""

    transfers: tuple[Transfer, ...]
    filed: dict[str, Filed]  # by mail id
    at_rest: Sample  # when all was done
    used: Used  # processor time until all were on record
    used_afterwards: Used  # from then until all senders were checked and all invoices validated
    sender_seconds: float  # processor time
    machine: Machine  # what all its cores did in this wave

    @property
    def seconds(self) -> float:
        """From the first mail's beginning until the last is on record."""
        return max(one.at for one in self.filed.values()) - min(one.begun for one in self.transfers)

    @property
    def recorded_per_second(self) -> float:
        """Mails from socket to record."""
        return len(self.transfers) / self.seconds

    @property
    def accepted_per_second(self) -> float:
        """Mails from socket to 250, while the readers work beside."""
        begun = min(one.begun for one in self.transfers)
        return len(self.transfers) / (max(one.answered for one in self.transfers) - begun)


class Sender:
    """The sending process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._seconds_before = 0.0

    def send(self, first: int, after: int) -> tuple[list[Transfer], float]:
        """Hands over the mails first..after-1; transfers and processor seconds. Raises BenchFailed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{first} {after}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BenchFailed(f"the sender ended with {self._process.wait()}")
        answer = json.loads(line)
        if answer["failures"]:
            raise BenchFailed(f"{len(answer['failures'])} sessions failed, one by {answer['failures'][0]}")
        names = ("index", "mail_id", "begun", "content_begun", "answered")
        transfers = [Transfer(**dict(zip(names, one, strict=True))) for one in answer["sent"]]
        if len(transfers) != after - first:
            raise BenchFailed(f"{after - first} mails were to be sent, {len(transfers)} were")
        seconds = answer["cpu"] - self._seconds_before
        self._seconds_before = answer["cpu"]
        return transfers, seconds


@contextmanager
def sending(address: tuple[str, int], folder: Path, sessions: int, mails_each: int) -> Iterator[Sender]:
    """A sending process for the mails in `folder`, inside the block."""
    command = [sys.executable, "-m", "bench.sender", address[0], str(address[1]), str(folder)]
    command += [str(sessions), str(mails_each)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Sender(process)
        finally:
            process.kill()


def send_wave(sender: Sender, log: DaemonLog, pid: int, first: int, after: int, *, rests: bool) -> Wave:
    """Sends mails and waits until all are on record, if it `rests` until nothing is left to do about them, either.

    Raises BenchFailed, OSError when the daemon is gone.
    """
    before, machine_before = used(pid), machine()
    transfers, sender_seconds = sender.send(first, after)
    _wait_until_filed(log, {one.mail_id for one in transfers})
    spent, machine_spent = used(pid), machine()
    if rests:
        _wait_until_done(log)
    done = used(pid)
    time.sleep(QUIET_SECONDS)
    return Wave(
        transfers=tuple(transfers),
        filed={one.mail_id: log.filed[one.mail_id] for one in transfers},
        at_rest=sample(pid),
        used=spent - before,
        used_afterwards=done - spent,
        sender_seconds=sender_seconds,
        machine=Machine(
            busy=machine_spent.busy - machine_before.busy,
            idle=machine_spent.idle - machine_before.idle,
            stolen=machine_spent.stolen - machine_before.stolen,
        ),
    )


def _wait_until_filed(log: DaemonLog, mail_ids: set[str]) -> None:
    _wait(log, lambda: len(mail_ids - log.filed.keys()), "mails were not filed")


def _wait_until_done(log: DaemonLog) -> None:
    _wait(log, lambda: len(log.filed.keys() - log.checked), "senders were not checked")
    if log.validates:  # each of these mails holds one invoice
        _wait(log, lambda: len(log.filed) - log.validated, "invoices were not validated")


def _wait(log: DaemonLog, missing: Callable[[], int], what: str) -> None:
    least, give_up_at = sys.maxsize, 0.0
    while left := missing():
        if left < least:
            least, give_up_at = left, time.monotonic() + PATIENCE_SECONDS
        if time.monotonic() > give_up_at:
            trouble = log.trouble[-1] if log.trouble else "the log tells no trouble"
            raise BenchFailed(f"{left} {what}; {trouble}")
        time.sleep(0.05)
        log.read()
