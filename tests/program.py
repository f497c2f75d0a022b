"""A program of a company for the tests: takes calls over HTTP, and answers what a test wants it to."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """One request as it came in."""

    path: str
    headers: dict[str, str]  # names in small letters
    body: bytes

    @property
    def told(self) -> Any:
        """What it says."""
        return json.loads(self.body)


@dataclass
class Program:
    """What was called, oldest first, and what is answered instead of 204."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # the first is used up
    always: int | None = None
    seconds: float = 0  # before it answers
    octets: int = 0  # of the answer
    port: int = 0


@contextmanager
def program(tls: ssl.SSLContext | None = None) -> Iterator[Program]:
    """A program on a free port of this machine."""
    opened = Program()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            opened.calls.append(Call(self.path, headers, body))
            time.sleep(opened.seconds)
            status, fields = opened.answers.pop(0) if opened.answers else (opened.always or 204, {})
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(opened.octets))
            self.end_headers()
            if status != 204:
                self.wfile.write(b"x" * opened.octets)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    opened.port = server.server_port
    opened.url = f"{'https' if tls else 'http'}://127.0.0.1:{opened.port}/invoices"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield opened
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
