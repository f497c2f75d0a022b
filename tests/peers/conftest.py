"""Daemons, a certificate and a Postfix for the tests of delivery by foreign programs."""

from __future__ import annotations

import os
import random
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fixtures.mailbox import Mailbox
from tests.certificates import self_signed
from tests.peers import programs
from tests.peers.relay import Relay

OpenMailbox = Callable[..., AbstractContextManager[Mailbox]]

_REASONS = programs.missing(programs.find, os.geteuid())
collect_ignore_glob = [programs.TEST_FILES[program] for program in programs.left_out(os.environ, _REASONS)]


@pytest.fixture
def serving(tmp_path: Path) -> OpenMailbox:
    """A function that runs a daemon: `with serving({"SMTP__REQUIRE_TLS": "true"}) as mailbox`."""

    @contextmanager
    def run(settings: dict[str, str] | None = None) -> Iterator[Mailbox]:
        with Mailbox(tmp_path, {"SMTP__HOSTNAME": "mx.example.com"} | (settings or {})).serving() as mailbox:
            yield mailbox

    return run


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a key and its certificate for 127.0.0.1, signed by itself."""
    path = tmp_path_factory.mktemp("tls") / "mx.pem"
    path.write_bytes(self_signed(until=datetime.now(UTC) + timedelta(days=1)))
    return path


@pytest.fixture(scope="session")
def running_relay() -> Iterator[Relay]:
    """The Postfix of this test process."""
    if reason := _REASONS.get("postfix"):
        pytest.fail(f"postfix: {reason}")
    with tempfile.TemporaryDirectory(prefix="postfix-") as folder:
        relay = Relay(Path(folder), port=_free_port(), next_hop=_free_port())
        relay.start()
        try:
            yield relay
        finally:
            relay.stop()


@pytest.fixture
def relay(running_relay: Relay) -> Iterator[Relay]:
    """A Postfix with an empty queue."""
    running_relay.empty()
    yield running_relay
    running_relay.empty()


@pytest.fixture
def swaks() -> str:
    """Where swaks lies."""
    if reason := _REASONS.get("swaks"):
        pytest.fail(f"swaks: {reason}")
    return str(programs.find("swaks"))


def _free_port() -> int:
    """A port that nobody has, below those that the kernel hands out: it stays free while it is not used."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
