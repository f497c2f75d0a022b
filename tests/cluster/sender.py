"""A mail server that keeps its own list, and offers each mail to one node after the other until one takes it.

    python -m tests.cluster.sender LIST TEMPLATE SESSIONS MAILS RATE HOST:PORT ...

It knows nothing of our code. TEMPLATE is an invoice mail in which KEY stands for the invoice number. RATE is how many
are begun in a second, 0 for as many as can be. It ends when MAILS are taken or standard input is closed. A line in LIST
for each answer: `250 KEY WHEN SECONDS`, WHEN by the monotonic clock and SECONDS from the first try; `5xx KEY REPLY`.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
import sys
import threading
import time
from pathlib import Path

from tests.handing_over import Refused, hand_over, send_until_told

_PATIENCE_SECONDS = 20.0  # with a node that stands still; then another one gets the mail
_PAUSE_SECONDS = 0.1
_PADDING = [0] * 40 + [20_000] * 8 + [200_000]  # octets of letters beside the invoice


class Sender:
    """What the threads share."""

    def __init__(self, file: str, template: bytes, mails: int, rate: float, nodes: list[str]) -> None:
        self.stop = threading.Event()
        self._template = template
        self._mails = mails
        self._rate = rate
        self._nodes = [(host, int(port)) for host, _, port in (node.rpartition(":") for node in nodes)]
        self._numbers = itertools.count(1)
        self._began = time.monotonic()
        self._list = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def work(self) -> None:
        """One mail after the other, none before its time."""
        for number in self._numbers:
            if number > self._mails:
                return
            if self._rate and self.stop.wait(max(0.0, self._began + number / self._rate - time.monotonic())):
                return
            if self.stop.is_set():
                return
            self._deliver(f"K{number:07}")

    def _deliver(self, key: str) -> None:
        mail = self.content(key)
        began = time.monotonic()
        for node in itertools.cycle(random.sample(self._nodes, len(self._nodes))):
            if self.stop.is_set():
                return
            try:
                _hand_over(node, mail, key)
            except Refused as refusal:
                self._note(f"5xx {key} {refusal}")
                return
            except OSError:
                self.stop.wait(_PAUSE_SECONDS)
                continue
            now = time.monotonic()
            self._note(f"250 {key} {now:.4f} {now - began:.4f}")
            return

    def content(self, key: str) -> bytes:
        """The same octets at each try, as a mail server keeps them."""
        padding = random.Random(key).choice(_PADDING)
        lines = b"".join(b"%076d\r\n" % number for number in range(padding // 78))
        head, empty, body = self._template.replace(b"KEY", key.encode()).partition(b"\r\n\r\n")
        return head + empty + lines + body

    def _note(self, line: str) -> None:
        os.write(self._list, line.encode("ascii", "replace") + b"\n")


def _hand_over(node: tuple[str, int], mail: bytes, key: str) -> None:
    """Raises OSError for "later", Refused for "never"."""
    lane = sum(key.encode()) % 20  # twenty partners
    with socket.create_connection(node, timeout=_PATIENCE_SECONDS) as connection:
        hand_over(
            connection,
            mail,
            reverse_path=f"billing@supplier-{lane}.example",
            forward_path="invoices@musterwerk.example",
        )


def main(file: str, template: str, sessions: str, mails: str, rate: str, *nodes: str) -> None:
    """Sends until standard input is closed, or all is taken."""
    sender = Sender(file, Path(template).read_bytes(), int(mails), float(rate), list(nodes))
    send_until_told(sender, int(sessions))


if __name__ == "__main__":
    main(*sys.argv[1:])
