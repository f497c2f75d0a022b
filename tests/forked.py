"""Starts `invoices` at once, in a process of its own that is forked from one which has imported everything.

From nothing the program takes half a second of a processor to begin, a daemon a whole one, nearly all of it imports;
and the tests start daemons and commands by the thousand. What they do from there on is the same. That the program also
begins from nothing is seen in the demo, in the tests of the wheel and wherever a test starts a process by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.main import PLACES
from fixtures import mailbox
from fixtures.mailbox import INVOICES

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(
    [
        *("cli.main", *sorted(set(PLACES.values()))),
        *("ingest.daemon", "ingest.processing.authentication.lookups", "portal.serving", "outbound.running"),
    ]
)


def begun(
    command: Sequence[str | Path], environment: Mapping[str, str], out: Path, err: Path
) -> subprocess.Popen[bytes] | Forked:
    """As Mailbox.begin: a process with this environment; what it says goes to the files `out` and `err`."""
    script = command[1:] if command[0] == sys.executable else command
    if script[0] == INVOICES or str(script[0]).endswith(".py"):
        for path in (out, err):
            path.write_bytes(b"")  # they are there as soon as the process is
        return Forked(script, environment, out, err)
    return mailbox.begun(command, environment, out, err)


class Forked:
    """One that was started; for a test it is what subprocess.Popen is."""

    def __init__(
        self, program: Sequence[str | Path], environment: Mapping[str, str], out: Path, err: Path
    ) -> None:
        """`program` is a Python script by its path, with its arguments."""
        self.args = [str(word) for word in program]
        given = (self.args, dict(environment), str(Path.cwd()), str(out), str(err))
        self._process = _forking.Process(target=_become, args=given)
        self._process.start()
        self.pid: int = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """As of Popen: None while it runs, negative when a signal ended it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Nothing happens when it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """At once."""
        self.send_signal(signal.SIGKILL)


def _become(command: list[str], environment: Mapping[str, str], folder: str, out: str, err: str) -> None:
    """The program, in the process that was forked for it."""
    for path, descriptor in ((os.devnull, 0), (out, 1), (err, 2)):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.orig_argv[:] = [sys.executable, *command]  # a daemon that starts anew looks there
    sys.argv[:] = command
    runpy.run_path(command[0], run_name="__main__")
