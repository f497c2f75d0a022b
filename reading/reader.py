"""The program of a reader process: takes octets from a socket, answers with what they hold, again and again.

Started by sandbox.py. It parses what strangers wrote, so it gives up what it does not need before it reads the
first octet: it cannot write files, open connections or start programs, memory and time are bounded, and it ends when
its parent does.
"""

from __future__ import annotations

import gc
import resource
import signal
import sys
from multiprocessing.connection import Connection

from reading.confinement import confine
from reading.mail import extract_part, read_mail
from reading.sandbox import EXTRACT, FOUND, MISSING, READ, RENDER, SHA256_CHARACTERS, RenderRequest
from reading.together import joined, parts_of
from storage import codec


def _give_up_rights(memory_octets: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_octets, memory_octets))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    confine()  # where the platform can; the bounds above hold everywhere
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us


def _answer(request: bytes) -> bytes:
    if request[:1] == EXTRACT:
        sha256 = request[1 : 1 + SHA256_CHARACTERS].decode("ascii")
        content = extract_part(request[1 + SHA256_CHARACTERS :], sha256)
        return MISSING if content is None else FOUND + content
    if request[:1] == RENDER:
        described, _, octets = request[1:].partition(b"\n")
        return _rendered(RenderRequest.from_octets(described), octets)
    return joined(b"", (codec.reading_to_octets(read_mail(one)) for one in parts_of(request, len(READ))))


def _rendered(wanted: RenderRequest, octets: bytes) -> bytes:
    from reading.rendering.rendering import render  # noqa: PLC0415  -- most readers never draw a page

    content = extract_part(octets, wanted.sha256)
    if content is None:
        return MISSING
    page = render(content, wanted.number, wanted.language, as_pdf=wanted.as_pdf)
    return MISSING if page is None else FOUND + page


def main(descriptor: int, memory_octets: int, seconds: int) -> None:
    """Answers requests on the socket `descriptor` until it is closed; `seconds` bounds each one."""
    _give_up_rights(memory_octets)
    connection = Connection(descriptor)
    gc.freeze()
    while True:
        try:
            request = connection.recv_bytes()
        except EOFError:
            return
        # The parent kills us at the deadline; this is for the day when the parent is gone.
        signal.alarm(seconds + 5)
        connection.send_bytes(_answer(request))
        signal.alarm(0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
