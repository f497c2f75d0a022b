"""A reader process that does what a hostile mail might make a real one do, as the mail's octets say."""

from __future__ import annotations

import os
import signal
import sys
import time

from reading import reader
from reading.mail import read_mail
from storage.records.reading import MailReading


def misbehave(octets: bytes) -> MailReading:
    """Dies, hangs, eats all memory or writes a file, if the octets begin with such a word; else reads."""
    match octets.split(None, 1)[:1]:
        case [b"die"]:
            os.kill(os.getpid(), signal.SIGSEGV)
        case [b"hang"]:
            time.sleep(3600)
        case [b"eat"]:
            hoard = []
            while True:
                hoard.append(bytes(64 * 1024**2))
        case [b"exit"]:
            os._exit(0)
        case [b"raise"]:
            raise RuntimeError("a bug")
    return read_mail(octets)


if __name__ == "__main__":
    reader.read_mail = misbehave
    reader.main(*map(int, sys.argv[1:]))
