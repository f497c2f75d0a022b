"""Hands one mail over by SMTP on a connection of its own, with as little work of ours as can be (RFC 5321 4)."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

DOMAIN = "company.example"
REVERSE_PATH = "billing@supplier.example"
TIMEOUT_SECONDS = 120.0
_HOST = "127.0.0.1"
_LINE = b"X" * 76 + b"\r\n"


class Refused(Exception):  # noqa: N818  -- says what happened
    """A reply other than the one that was hoped for; the message has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A mail that was answered 250; times by the monotonic clock, which all processes of a machine share."""

    begun: float  # before the connection was made
    answered: float
    mail_id: str  # the last word of the answer, where ours has the mail's id


def forward_path() -> str:
    """The one recipient of every mail."""
    return f"invoices@{DOMAIN}"


def mail(octets: int, serial: str) -> bytes:
    """A mail with a body of about `octets` octets; `serial` makes it unlike every other."""
    header = (
        f"From: <{REVERSE_PATH}>\r\nTo: <{forward_path()}>\r\n"
        f"Message-Id: <{serial}@supplier.example>\r\nSubject: {serial}\r\n\r\n"
    )
    return header.encode("ascii") + _LINE * max(1, octets // len(_LINE))


def client_tls(certificate: Path) -> ssl.SSLContext:
    """TLS that trusts this one certificate (PEM)."""
    return ssl.create_default_context(cafile=certificate)


def hand_over(address: tuple[str, int], content: bytes, tls: ssl.SSLContext | None) -> HandedOver:
    """Connects, sends a mail without lines that begin with a dot, and leaves. Raises Refused, OSError."""
    begun = time.monotonic()
    with socket.create_connection(address, timeout=TIMEOUT_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _reply(connection, b"220")
        _say(connection, b"EHLO relay.example\r\n", b"250")
        if tls is None:
            return _rest(connection, content, begun)
        _say(connection, b"STARTTLS\r\n", b"220")
        with tls.wrap_socket(connection, server_hostname=_HOST) as safe:
            _say(safe, b"EHLO relay.example\r\n", b"250")
            return _rest(safe, content, begun)


def _rest(connection: socket.socket, content: bytes, begun: float) -> HandedOver:
    _say(connection, f"MAIL FROM:<{REVERSE_PATH}>\r\n".encode("ascii"), b"250")
    _say(connection, f"RCPT TO:<{forward_path()}>\r\n".encode("ascii"), b"250")
    _say(connection, b"DATA\r\n", b"354")
    reply = _say(connection, content + b".\r\n", b"250")
    answered = time.monotonic()
    _say(connection, b"QUIT\r\n", b"221")
    return HandedOver(begun=begun, answered=answered, mail_id=reply.split()[-1].decode("ascii", "replace"))


def _say(connection: socket.socket, octets: bytes, code: bytes) -> bytes:
    connection.sendall(octets)
    return _reply(connection, code)


def _reply(connection: socket.socket, code: bytes) -> bytes:
    """A whole reply; no server sends more than one at a time here, as nothing is pipelined."""
    received = b""
    while not is_whole(received):
        more = connection.recv(4096)
        if not more:
            raise Refused(f"the connection was closed after {received!r}")
        received += more
    if not received.startswith(code):
        raise Refused(received.decode("utf-8", "replace").strip())
    return received


def is_whole(received: bytes) -> bool:
    """Whether the last line of a reply is there: its code is followed by a space (RFC 5321 4.2.1)."""
    if not received.endswith(b"\r\n"):
        return False
    last = received[:-2].rpartition(b"\r\n")[2]
    return last[3:4] != b"-"
