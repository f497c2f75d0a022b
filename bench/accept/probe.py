"""The client beside the load: a mail every so often, however long the one before takes.

    python -m bench.accept.probe HOST PORT OCTETS MAILS_A_SECOND [CERTIFICATE]

It says "ready" and begins; it ends when its standard input is closed, and prints one JSON object: `handed_over`, a list
of [begun, answered, mail id, serial], and `failures`, a list of texts.
"""

from __future__ import annotations

import json
import os
import select
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bench.accept.dialogue import HandedOver, Refused, client_tls, hand_over, mail
from bench.wave import BenchFailed

MAILS_A_SECOND = 20
_PATIENCE_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Probed:
    """A mail of the probe's, and by what it was made."""

    transfer: HandedOver
    serial: str


class Probe:
    """The client as a process of its own, so that it waits for nobody here."""

    def __init__(self, address: tuple[str, int], octets: int, certificate: Path | None) -> None:
        """Starts it. Raises BenchFailed."""
        command = [sys.executable, "-m", "bench.accept.probe", address[0], str(address[1])]
        command += [str(octets), str(MAILS_A_SECOND), *([str(certificate)] if certificate else [])]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise BenchFailed(f"the probe ended with {self._process.wait()}")

    def end(self) -> list[Probed]:
        """Ends it once every mail of its own is answered. Raises BenchFailed when one was not."""
        try:
            told, _ = self._process.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise BenchFailed(f"the probe did not end within {_PATIENCE_SECONDS:.0f} s") from error
        if self._process.returncode:
            raise BenchFailed(f"the probe ended with {self._process.returncode}")
        answer = json.loads(told)
        if answer["failures"]:
            raise BenchFailed(f"{len(answer['failures'])} probes failed, one by {answer['failures'][0]}")
        return [
            Probed(HandedOver(begun=begun, answered=answered, mail_id=mail_id), serial)
            for begun, answered, mail_id, serial in answer["handed_over"]
        ]

    def kill(self) -> None:
        """Ends it whatever it does; of no effect when it has ended."""
        self._process.kill()
        self._process.wait()


class _Probing:
    def __init__(self, address: tuple[str, int], octets: int, tls: ssl.SSLContext | None) -> None:
        self.handed_over: list[tuple[float, float, str, str]] = []
        self.failures: list[str] = []
        self._address, self._octets, self._tls = address, octets, tls

    def hand_over(self, number: int) -> None:
        """One mail."""
        serial = f"probe-{os.getpid()}-{number}"
        try:
            transfer = hand_over(self._address, mail(self._octets, serial), self._tls)
        except (Refused, OSError) as error:
            self.failures.append(f"{type(error).__name__}: {error}")
            return
        self.handed_over.append((transfer.begun, transfer.answered, transfer.mail_id, serial))


def main(host: str, port: str, octets: str, mails_a_second: str, certificate: str | None = None) -> None:
    """Sends until standard input is closed."""
    probing = _Probing((host, int(port)), int(octets), client_tls(Path(certificate)) if certificate else None)
    threads: list[threading.Thread] = []
    print("ready", flush=True)
    begun = time.monotonic()
    # Mails are due by the clock: were each to wait for the one before, a server that stands still would be asked
    # once only while it does, and its p99 look fine.
    while not _closed(begun + len(threads) / float(mails_a_second) - time.monotonic()):
        threads.append(threading.Thread(target=probing.hand_over, args=(len(threads),)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    print(json.dumps({"handed_over": probing.handed_over, "failures": probing.failures}), flush=True)


def _closed(seconds: float) -> bool:
    """Waits so long for the end of standard input."""
    readable, _, _ = select.select([sys.stdin], [], [], max(0.0, seconds))
    return bool(readable)


if __name__ == "__main__":
    main(*sys.argv[1:])
