"""A mail server that keeps its own list: sends over raw sockets until it is told to stop, each mail until it is taken.

    python -m tests.torture.sender HOST PORT LIST SESSIONS MAILS RESETS

It knows nothing of our code. Mails have unlike sizes, among them ones that do not stay in memory. MAILS is how many are
sent, 0 for as many as there is time for; RESETS is how many of a thousand deliveries are cut off after the dot, by a
reset at a random instant. It ends when MAILS are taken or standard input is closed. A line in LIST for each answer:

    250 KEY SHA256 WHEN SECONDS   taken; WHEN by the monotonic clock; SECONDS from connecting to the answer
    try KEY SHA256                about to be sent for the first time
    cut KEY                       reset after the dot; sent again later
    5xx KEY REPLY                 refused for good, which must never happen
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import socket
import struct
import sys
import threading
import time

from tests.handing_over import Refused, hand_over, send_until_told

_PATHS = {"reverse_path": "billing@supplier.example", "forward_path": "invoices@company.example"}
_AGAIN_SECONDS = 0.03
_TIMEOUT_SECONDS = 30.0
_SIZES = [400] * 12 + [9_000] * 6 + [60_000] * 3 + [400_000] * 1
_LARGEST = 2_500_000  # one in four hundred
_RESET = struct.pack("ii", 1, 0)


class Sender:
    """What the threads share."""

    def __init__(self, address: tuple[str, int], file: str, mails: int, resets: int) -> None:
        self.address = address
        self.stop = threading.Event()
        self._numbers = itertools.count(1)
        self._mails = mails
        self._resets = resets
        self._writing = threading.Lock()
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def work(self) -> None:
        """One mail after the other."""
        while not self.stop.is_set():
            number = next(self._numbers)
            if self._mails and number > self._mails:
                return
            self._deliver(f"{os.getpid()}-{number}")

    def note(self, line: str) -> None:
        """A line of the list, in one write."""
        with self._writing:
            os.write(self._file, line.encode("ascii", "replace") + b"\n")

    def _deliver(self, key: str) -> None:
        content = _content(key)
        digest = hashlib.sha256(content).hexdigest()
        self.note(f"try {key} {digest}")
        cut = random.randrange(1000) < self._resets
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                with socket.create_connection(self.address, timeout=_TIMEOUT_SECONDS) as connection:
                    if cut:
                        cut = False
                        self._reset(connection, key, content)
                        continue
                    hand_over(connection, content, **_PATHS)
            except Refused as refusal:
                self.note(f"5xx {key} {refusal}")
                return
            except OSError:
                self.stop.wait(_AGAIN_SECONDS)
                continue
            now = time.monotonic()
            self.note(f"250 {key} {digest} {now:.4f} {now - began:.4f}")
            return

    def _reset(self, connection: socket.socket, key: str, content: bytes) -> None:
        hand_over(connection, content, **_PATHS, answer=False)
        time.sleep(random.random() * random.choice([0.001, 0.01, 0.05]))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.note(f"cut {key}")


def _content(key: str) -> bytes:
    size = _LARGEST if random.randrange(400) == 0 else random.choice(_SIZES)
    lines = f"Subject: torture\r\nX-Key: {key}\r\n\r\n..dots\r\n".encode()
    return lines + b"\r\n".join(os.urandom(38).hex().encode() for _ in range(size // 78)) + b"\r\n"


def main(host: str, port: str, file: str, sessions: str, mails: str, resets: str) -> None:
    """Sends until standard input is closed, or all is taken."""
    sender = Sender((host, int(port)), file, int(mails), int(resets))
    send_until_told(sender, int(sessions))


if __name__ == "__main__":
    main(*sys.argv[1:])
