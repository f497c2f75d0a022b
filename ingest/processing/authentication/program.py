"""The program of a checking process: takes mails from a socket, answers with who sent them, several at a time.

Started by process.py. It parses what strangers wrote and talks to the DNS, so it is a process of its own: it can be
killed, its memory is bounded, it writes no files, and it ends when its parent does.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from multiprocessing.connection import Connection

from ingest.processing.authentication.checking import Trust, check
from ingest.processing.authentication.lookups import Lookups
from storage import codec

MEMORY_OCTETS = 2 * 1024**3
AT_ONCE = 16


def _give_up_rights() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_OCTETS, MEMORY_OCTETS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us


def answer(lookups: Lookups, trust: Trust, request: bytes) -> bytes:
    """The answer to one request: the mail's id on a line, then what was found."""
    line, _, octets = request.partition(b"\n")
    asked = json.loads(line)
    found = check(
        lookups,
        octets,
        codec.envelope_from_json(asked["envelope"]),
        trust,
        datetime.fromisoformat(asked["now"]),
    )
    mail_id = str(asked["id"]).encode("ascii")
    return mail_id + b"\n" + codec.authentication_to_octets(found)


def main(descriptor: int, settings: str) -> None:
    """Answers requests on the socket `descriptor` until it is closed."""
    _give_up_rights()
    told = json.loads(settings)
    trust = Trust(**{key: tuple(value) for key, value in told.items()})
    lookups = Lookups(trust.resolvers)
    connection = Connection(descriptor)
    sending = threading.Lock()

    def work(request: bytes) -> None:
        found = answer(lookups, trust, request)
        with sending:
            connection.send_bytes(found)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        while True:
            try:
                request = connection.recv_bytes()
            except (EOFError, OSError):
                break
            threads.submit(work, request)
        threads.shutdown(wait=False, cancel_futures=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
