"""The program of an examining process: takes mails from a socket, answers with what their invoices are worth.

Started by examiners.py. Like a reader it gives up what it does not need before it sees the first octet. SaxonC reserves
tens of gigabytes of addresses, so it is bounded by the memory it writes to (RLIMIT_DATA), not by addresses.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from reading.confinement import confine
from storage import codec
from validation.examination import Examiner
from validation.rule_sets import installed_rules
from validation.verdict import not_validated

NICENESS = 10  # filing comes first
DAY_CHARACTERS, LENGTH_OCTETS = 10, 8


def _give_up_rights(memory_octets: int) -> None:
    with suppress(PermissionError):  # the units of systemd let nobody change that
        os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_octets, memory_octets))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    confine()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _answer(examiner: Examiner, request: bytes) -> bytes:
    day, rest = request[:DAY_CHARACTERS].decode("ascii"), request[DAY_CHARACTERS:]
    length = int.from_bytes(rest[:LENGTH_OCTETS], "big")
    reading = codec.invoice_from_octets(rest[LENGTH_OCTETS : LENGTH_OCTETS + length])
    try:
        validation = examiner.examine(rest[LENGTH_OCTETS + length :], reading, day)
    except Exception as error:  # of libraries on what strangers wrote; the parent must know
        name = type(error).__name__
        validation = not_validated(
            f"The rules could not be run on it ({name}).", f"Die Regeln ließen sich nicht anwenden ({name})."
        )
    return codec.validation_to_octets(validation)


def main(descriptor: int, memory_octets: int, seconds: int, folder: str) -> None:
    """Answers requests on the socket `descriptor` until it is closed; `seconds` bounds each one."""
    rules = installed_rules(Path(folder) if folder else None)
    _give_up_rights(memory_octets)
    examiner = Examiner(rules)
    connection = Connection(descriptor)
    gc.freeze()
    while True:
        try:
            request = connection.recv_bytes()
        except EOFError:
            return
        signal.alarm(seconds + 5)  # the parent kills us before, unless it is gone
        connection.send_bytes(_answer(examiner, request))
        signal.alarm(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
