"""A load under STARTTLS, which smtp-source cannot do: a process for each session, one mail a connection.

    python -m bench.accept.sessions HOST PORT OCTETS SESSIONS MAILS CERTIFICATE

Prints one JSON object: `begun` and `ended` by the monotonic clock, `ids`, the last word of each 250 after the content,
and `failures`, a list of texts.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TYPE_CHECKING

from bench.accept.dialogue import Refused, client_tls, hand_over, mail

if TYPE_CHECKING:
    from multiprocessing.context import ForkProcess

# Forked, not threads: no session waits for another one's turn at the interpreter.
_forking = multiprocessing.get_context("fork")


def main(host: str, port: str, octets: str, sessions: str, mails: str, certificate: str) -> None:
    """Sends the mails."""
    ready = _forking.Barrier(int(sessions) + 1)
    left = _forking.Value("i", int(mails))
    started = [
        _start((host, int(port)), int(octets), number, Path(certificate), ready, left)
        for number in range(int(sessions))
    ]
    ready.wait()
    begun = time.monotonic()
    told = [ear.recv() for _, ear in started]
    for process, _ in started:
        process.join()
    answer = {
        "begun": begun,
        "ended": max(ended for ended, _, _ in told),
        "ids": [one for _, ids, _ in told for one in ids],
        "failures": [failure for _, _, failure in told if failure is not None],
    }
    print(json.dumps(answer), flush=True)


def _start(
    address: tuple[str, int],
    octets: int,
    number: int,
    certificate: Path,
    ready: Barrier,
    left: Synchronized[int],
) -> tuple[ForkProcess, Connection]:
    ear, mouth = _forking.Pipe(duplex=False)
    process = _forking.Process(
        target=_session, args=(address, octets, number, certificate, ready, left, mouth)
    )
    process.start()
    mouth.close()
    return process, ear


def _session(
    address: tuple[str, int],
    octets: int,
    number: int,
    certificate: Path,
    ready: Barrier,
    left: Synchronized[int],
    mouth: Connection,
) -> None:
    """Sends until none is left, or one fails; tells the time of the last answer, the ids and the failure."""
    tls = client_tls(certificate)
    ids: list[str] = []
    failure: str | None = None
    ready.wait()
    ended = begun = time.monotonic_ns()
    while failure is None and _take(left):
        serial = f"session-{begun}-{number}-{len(ids)}"
        try:
            transfer = hand_over(address, mail(octets, serial), tls)
        except (Refused, OSError) as error:
            failure = f"{type(error).__name__}: {error}"
        else:
            ids.append(transfer.mail_id)
            ended = int(transfer.answered * 1e9)
    mouth.send((ended / 1e9, ids, failure))


def _take(left: Synchronized[int]) -> bool:
    with left.get_lock():
        left.value -= 1
        return left.value >= 0


if __name__ == "__main__":
    main(*sys.argv[1:])
