"""The parent's side of a checking process: hands mails over, waits for a bounded time, kills what takes longer."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from multiprocessing.connection import Connection

from ingest.processing.authentication.checking import Trust
from storage import codec
from storage.records.mails import Envelope
from storage.records.senders import SenderAuthentication

PROGRAM = "ingest.processing.authentication.program"
POLL_SECONDS = 0.2
SECONDS = 30.0  # for some mails at once; the look-ups of each end long before


@dataclass(frozen=True, slots=True)
class ToCheck:
    """A mail whose sender is to be checked."""

    mail_id: str
    envelope: Envelope
    octets: bytes


class CheckingProcess:
    """One checking process, started when it is first needed; used by one thread."""

    def __init__(self, trust: Trust, stop: threading.Event, seconds: float = SECONDS) -> None:
        self._trust = trust
        self._stop = stop
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def check(self, mails: Sequence[ToCheck], now: datetime) -> dict[str, SenderAuthentication]:
        """What was found, by mail id; a mail that the process did not survive, or took too long over, is missing."""
        found = self._ask(mails, now)
        if len(mails) > 1 and not self._stop.is_set():
            for one in mails:  # whichever it was that spoilt it for the others
                if one.mail_id not in found:
                    found |= self._ask([one], now)
        return found

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None and self._connection is not None:
            self._connection.close()
            self._process.kill()
            self._process.wait()
        self._process = self._connection = None

    def _ask(self, mails: Sequence[ToCheck], now: datetime) -> dict[str, SenderAuthentication]:
        found: dict[str, SenderAuthentication] = {}
        give_up_at = time.monotonic() + self._seconds
        try:
            connection = self._connection or self._start()
            for one in mails:
                connection.send_bytes(_request(one, now))
            while len(found) < len(mails):
                if not connection.poll(POLL_SECONDS):
                    if time.monotonic() < give_up_at and not self._stop.is_set():
                        continue
                    self.close()
                    break
                line, _, octets = connection.recv_bytes().partition(b"\n")
                found[line.decode("ascii")] = codec.authentication_from_octets(octets)
        except (OSError, EOFError, ValueError):  # ValueError: it is no longer in its right mind
            self.close()
        return found

    def _start(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  -- our own interpreter and module
                [sys.executable, "-P", "-m", PROGRAM, str(theirs.fileno()), json.dumps(asdict(self._trust))],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C and systemd's SIGTERM reach the parent alone
            )
        self._connection = Connection(ours.detach())
        return self._connection


def _request(one: ToCheck, now: datetime) -> bytes:
    asked = {"id": one.mail_id, "envelope": codec.envelope_to_json(one.envelope), "now": now.isoformat()}
    return json.dumps(asked).encode() + b"\n" + one.octets
