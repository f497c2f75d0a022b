"""Has invoices examined in a process of its own that is started anew when it dies, hangs or grows."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType

from storage import codec
from storage.records.reading import InvoiceReading
from storage.records.validation import Validation

PROGRAM = "validation.process"  # not imported: it loads SaxonC
_LOOK_EVERY_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminationLimits:
    """What one invoice may cost."""

    seconds: int = 30
    memory_octets: int = 1536 * 1024**2  # that the process may write to
    grown_octets: int = (
        600 * 1024**2
    )  # resident; a process that has grown so far is replaced after its answer
    invoices_per_process: int = 2000


@dataclass(frozen=True, slots=True)
class ExaminationFailed:
    """An invoice that no process survived, or that took too long; `reason` in words."""

    reason: str


class Examiners:
    """One examining process; used by one thread."""

    def __init__(self, rules_folder: Path | None = None, limits: ExaminationLimits | None = None) -> None:
        self._folder = str(rules_folder) if rules_folder else ""
        self._limits = limits or ExaminationLimits()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._served = 0
        self._answered_at = 0.0

    def __enter__(self) -> Examiners:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Of the process, when one is there."""
        return self._process.pid if self._process else None

    def examine(
        self,
        mail: bytes,
        reading: InvoiceReading,
        received_on: str,
        given_up: Callable[[], bool] = lambda: False,
    ) -> Validation | ExaminationFailed:
        """What the invoice is worth; see `Examiner.examine`. Whoever waits no longer says so by `given_up`."""
        described = codec.invoice_to_octets(reading)
        request = b"".join(
            [received_on[:10].encode("ascii"), len(described).to_bytes(8, "big"), described, mail]
        )
        try:
            connection = self._ready()
            connection.send_bytes(request)
            deadline = time.monotonic() + self._limits.seconds
            while not connection.poll(_LOOK_EVERY_SECONDS):
                if given_up():
                    self.close()
                    return ExaminationFailed("nobody waits for it any more")
                if time.monotonic() >= deadline:
                    self.close()
                    return ExaminationFailed(f"it took longer than {self._limits.seconds} s")
                if self._resident() > self._limits.memory_octets:
                    self.close()
                    return ExaminationFailed("it needs too much memory")
            validation = codec.validation_from_octets(connection.recv_bytes())
        except (OSError, EOFError, ValueError):  # ValueError: the process is no longer in its right mind
            self.close()
            return ExaminationFailed("the process that examined it died")
        self._served += 1
        self._answered_at = time.monotonic()
        if self._served >= self._limits.invoices_per_process or self._resident() > self._limits.grown_octets:
            self.close()
        return validation

    def close_unless_used(self, seconds: float) -> None:
        """Ends the process when nothing was examined for so long; the next invoice gets a fresh one."""
        if self._process is not None and time.monotonic() - self._answered_at >= seconds:
            self.close()

    def close(self) -> None:
        """Ends the process."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._connection = self._process = None
        self._served = 0

    def _ready(self) -> Connection:
        if self._connection is not None:
            return self._connection
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  -- our own interpreter and module
                [
                    *(sys.executable, "-P", "-m", PROGRAM, str(theirs.fileno())),
                    *(str(self._limits.memory_octets), str(self._limits.seconds), self._folder),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C and systemd's SIGTERM reach the parent alone
            )
        self._connection = Connection(ours.detach())
        return self._connection

    def _resident(self) -> int:
        """Octets of memory that the process really holds; 0 where the platform does not tell."""
        if self._process is None:
            return 0
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1]
        except OSError:
            return 0
        return int(pages) * 4096
