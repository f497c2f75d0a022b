"""A mail server's side of SMTP over a raw socket, for senders that keep their own list and know nothing of our code."""

from __future__ import annotations

import socket
import sys
import threading
from typing import Protocol


class Refused(Exception):  # noqa: N818  -- says what happened
    """A 5xx, which must never be said to an honest mail."""


class Sender(Protocol):
    """What keeps a list."""

    stop: threading.Event

    def work(self) -> None:
        """Sends until `stop` is set, or all is taken; several threads do it at once."""


def hand_over(
    connection: socket.socket, content: bytes, *, reverse_path: str, forward_path: str, answer: bool = True
) -> None:
    """One mail; `answer`: waits for the reply after the dot. Raises OSError for "later", Refused for "never"."""
    with connection.makefile("rb") as replies:
        _expect(replies, "220")
        for command, code in (
            ("EHLO relay.example", "250"),
            (f"MAIL FROM:<{reverse_path}>", "250"),
            (f"RCPT TO:<{forward_path}>", "250"),
            ("DATA", "354"),
        ):
            connection.sendall(command.encode() + b"\r\n")
            _expect(replies, code)
        connection.sendall(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        if answer:
            _expect(replies, "250")


def _expect(replies: socket.SocketIO, code: str) -> None:
    line = replies.readline().decode("ascii", "replace")
    while line[3:4] == "-":
        line = replies.readline().decode("ascii", "replace")
    if line.startswith("5"):
        raise Refused(line.strip())
    if not line.startswith(code) or not line.endswith("\n"):
        raise OSError(line)


def send_until_told(sender: Sender, sessions: int) -> None:
    """In so many threads, until standard input is closed or all is taken."""
    threads = [threading.Thread(target=sender.work) for _ in range(sessions)]
    for thread in threads:
        thread.start()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        sender.stop.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    for thread in threads:
        thread.join()
