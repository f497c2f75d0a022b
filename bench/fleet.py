"""Runs nodes over one PostgreSQL on one core, or each over a database of its own, and gives some of them work."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path

from bench.accounting import Books, Connection, beside
from bench.database import database, server
from bench.made_up_mail import made_up_mail
from bench.synthetic import fill
from fixtures.expectation import cases
from ingest.reception import utc_now
from storage.store import Store
from tests.cluster.nodes import PORT, Node

PARTS = {"full": "worker", "apart": "worker", "thin": "worker", "burst": "smtp worker"}
_SESSIONS = 16
_PER_SECOND = 25.0  # mails of the thin stream; each is on record before the next one comes
_PATIENCE_SECONDS = 600.0
_TURN_SECONDS = 0.25
_SETTLE_SECONDS = 2.0  # readers start after the node says that it is ready

_LEFT = (
    "SELECT (SELECT count(*) FROM received_mail WHERE state IN ('received', 'claimed'))"
    " + (SELECT count(*) FROM received_mail WHERE sender_check_at IS NOT NULL)"
)
_DONE = "SELECT count(*) FROM received_mail WHERE state = 'filed'"


class Fleet:
    """Nodes that run, the first so many of which work while the others stand still."""

    def __init__(
        self, folder: Path, urls: Sequence[str], connections: Sequence[Connection], nodes: Sequence[Node]
    ) -> None:
        self.url = urls[0]
        self.books = Books(connections, [node.process.pid for node in nodes if node.process is not None])
        self._folder = folder
        self._urls = urls
        self._workers = [node for node in nodes if node.part != "smtp"]
        self._gate = [node for node in nodes if node.part == "smtp"]
        self._before = self.books.sum(_DONE)

    def full(self, name: str, count: int, mails: int, began: Callable[[], None]) -> None:
        """The queue is there before anybody works."""
        urls = self._urls[:count]
        for node in self._workers:
            node.pause()
        for url in urls:
            _fill(url, name.encode(), mails // len(urls))
        began()
        self._go_on(count)

    apart = full

    def thin(self, name: str, count: int, mails: int, began: Callable[[], None]) -> None:
        """So many a second."""
        self._go_on(count)
        began()
        self._send(name, count, mails, _PER_SECOND)

    def burst(self, name: str, count: int, mails: int, began: Callable[[], None]) -> None:
        """As fast as can be."""
        self._go_on(count)
        began()
        self._send(name, count, mails, 0.0)

    def wait_until_done(self, mails: int, *, in_turns: int = 0) -> None:
        """So many more are on record than the last time, and their senders are checked.

        So many nodes work, one after the other, each for a moment in which the others stand still; or as they can.
        """
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        turns = cycle(self._workers[:in_turns])
        while left := self.books.sum(_LEFT):
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{left} mails wait to be filed, or for the check of their senders")
            if in_turns > 1:
                for node in self._workers:
                    node.pause()
                next(turns).go_on()
            time.sleep(_TURN_SECONDS)
        done = self.books.sum(_DONE) - self._before
        if done != mails:
            raise RuntimeError(f"{mails} mails were to be filed, {done} are")
        self._before += done

    def _go_on(self, count: int) -> None:
        for node in self._workers[count:]:
            node.pause()
        for node in self._workers[:count]:
            node.go_on()

    def _send(self, name: str, count: int, mails: int, rate: float) -> None:
        folder = self._folder / name
        folder.mkdir()
        (folder / "template.eml").write_bytes(_template(name.encode()))
        files = [str(folder / "list"), str(folder / "template.eml")]
        gate = self._gate or self._workers[:count]
        command = [sys.executable, "-m", "tests.cluster.sender", *files]
        command += [str(_SESSIONS), str(mails), str(rate), *(f"{node.address}:{PORT}" for node in gate)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE
        ) as sender:  # closed, it would tell the sender to stop
            if sender.wait() != 0:
                raise RuntimeError("the sender failed")


@contextmanager
def fleet(load: str, count: int, on_record: int, folder: Path, *, one_core: bool) -> Iterator[Fleet]:
    """Nodes for `load`, as many invoices on record; with `one_core`, they and PostgreSQL share one.

    Whoever fills the queue, sends and looks has the other cores.
    """
    cores = os.sched_getaffinity(0)
    with ExitStack() as opened:
        if one_core:
            os.sched_setaffinity(0, {max(cores)})  # whatever is started inherits it
            opened.callback(os.sched_setaffinity, 0, cores)
        server_url = opened.enter_context(server("postgresql"))
        apart = count if load == "apart" else 1
        urls = [opened.enter_context(database(server_url, folder)) for _ in range(apart)]
        for url in urls:
            Store.open(url).close()
            if on_record:
                fill(url, on_record, 0)
        nodes = opened.enter_context(_running(load, count, urls, folder))
        os.sched_setaffinity(0, cores - {max(cores)} if one_core and len(cores) > 1 else cores)
        connections: list[Connection] = [opened.enter_context(beside(url)) for url in urls]
        yield Fleet(folder, urls, connections, nodes)


def _fill(url: str, key: bytes, mails: int) -> None:
    template = _template(key)
    store = Store.open(url)
    for first in range(0, mails, 100):
        octets = (
            template.replace(b"KEY", b"K%07d" % number) for number in range(first, min(mails, first + 100))
        )
        store.add_mails([made_up_mail(utc_now(), one) for one in octets])
    store.close()


def _template(key: bytes) -> bytes:
    """An invoice mail in which KEY stands for what is its own; those of another `key` are others."""
    octets = next(case.octets for case in cases() if case.name == "xrechnung-ubl")
    own = key + b"-KEY"
    return octets.replace(b"WW-26-2001", own).replace(b"<xrechnung-ubl@", b"<" + own + b"@")


@contextmanager
def _running(load: str, count: int, urls: Sequence[str], folder: Path) -> Iterator[list[Node]]:
    settings = {
        "INVOICES_REGISTRATION__LINK_KEY": secrets.token_hex(32),
        "INVOICES_AUTHENTICATION__RESOLVERS": "",
        "INVOICES_VALIDATION__MODE": "off",
    }
    nodes = [
        Node(
            PARTS[load],
            f"127.0.0.{81 + number}",
            folder / str(number),
            settings | {"INVOICES_DATABASE__URL": urls[number % len(urls)]},
        )
        for number in range(count)
    ]
    if load == "thin":
        nodes.append(Node("smtp", "127.0.0.80", folder / "smtp", nodes[0].settings))
    for node in nodes:
        node.start(wait=False)
    try:
        for node in nodes:
            node.wait_until_ready()
        time.sleep(_SETTLE_SECONDS)
        yield nodes
    finally:
        for node in nodes:
            node.go_on()
        for node in nodes:
            node.stop()
