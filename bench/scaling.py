"""What a mail costs as nodes are added: `python -m bench.scaling [--nodes 1 8] [--loads full thin]`; needs root.

Over one PostgreSQL, by accounting, not by speed, so that it can be told on a machine with fewer cores than nodes:
processor time of all nodes and of the database for a mail, transactions, scans and rows read for a mail, how often a
backend was found waiting for a lock, dead rows for a mail. Start-up does not count: each node has filed mails before.

full   a queue is filled while the workers stand still, then they work until it is empty and all senders are checked
thin   a sender hands mails to one node that takes them, by the clock, and the workers file each as it comes
apart  as full, but each node has a database of its own in the same server: what they cost only by sharing the machine
burst  each node takes mail and files it; a sender sends as fast as it can, over the same cores

--on-record N puts as many invoices on record first (`bench.synthetic`). All of it shares one core, unless --all-cores
is given: two busy cores make each other slower, by a fifth on some machines, and one node seldom keeps both busy.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from bench.accounting import Account, Books, Connection, looking_for_locks, one
from bench.database import database, server
from bench.made_up_mail import made_up_mail
from bench.synthetic import fill
from fixtures.expectation import cases
from ingest.reception import utc_now
from storage.store import Store
from tests.cluster.nodes import PORT, Node

_SESSIONS = 16
_PER_SECOND = 25.0  # mails of the thin stream; each is on record before the next one comes
_PATIENCE_SECONDS = 600.0
_WARM_MAILS = 500  # of each node: until each connection has planned what it asks for
_IDLE_SECONDS = 5.0
_STATISTICS_SECONDS = 1.5  # they arrive late

_LEFT = (
    "SELECT (SELECT count(*) FROM received_mail WHERE state IN ('received', 'claimed'))"
    " + (SELECT count(*) FROM received_mail WHERE sender_check_at IS NOT NULL)"
)
_DONE = "SELECT count(*) FROM received_mail WHERE state = 'filed'"
_PARTS = {"full": "worker", "apart": "worker", "thin": "worker", "burst": "smtp worker"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of each mail, with so many nodes."""

    load: str
    nodes: int
    on_record: int
    mails: int
    mails_per_second: float
    node_milliseconds: float
    database_milliseconds: float
    idle_share: float  # of a core that one node takes while there is no mail
    transactions: float
    scans: float
    rows_read: float
    waits_for_locks: float  # share of looks at working backends
    outlived_rows: float  # changed or deleted, so that the old one is dead
    dead_rows: float  # more than before, so far as no vacuum came meanwhile


class Round:
    """Some nodes over one database or one for each, and what is done to them."""

    def __init__(
        self, folder: Path, urls: Sequence[str], connections: Sequence[Connection], nodes: list[Node]
    ) -> None:
        self._folder = folder
        self._urls = urls
        self._connections = connections
        self._nodes = nodes
        self._gate = [node for node in nodes if "smtp" in node.part]

    def full(self, name: str, mails: int, began: Callable[[], None]) -> None:
        """The queue is there before anybody works."""
        for node in self._nodes:
            node.pause()
        for url in self._urls:
            _fill(url, name.encode(), mails // len(self._urls))
        began()
        for node in self._nodes:
            node.go_on()

    apart = full

    def thin(self, name: str, mails: int, began: Callable[[], None]) -> None:
        """So many a second."""
        began()
        self._send(name, mails, _PER_SECOND)

    def burst(self, name: str, mails: int, began: Callable[[], None]) -> None:
        """As fast as can be."""
        began()
        self._send(name, mails, 0.0)

    def wait_until_done(self, mails: int) -> None:
        """So many are on record, and their senders are checked."""
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while left := self._sum(_LEFT):
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{left} mails wait to be filed, or for the check of their senders")
            time.sleep(0.1)
        if (done := self._sum(_DONE)) != mails:
            raise RuntimeError(f"{mails} mails were to be filed, {done} are")

    def _sum(self, query: str) -> int:
        return sum(one(connection, query)[0] for connection in self._connections)

    def _send(self, name: str, mails: int, rate: float) -> None:
        folder = self._folder / name
        folder.mkdir()
        (folder / "template.eml").write_bytes(_template(name.encode()))
        files = [str(folder / "list"), str(folder / "template.eml")]
        command = [sys.executable, "-m", "tests.cluster.sender", *files]
        command += [str(_SESSIONS), str(mails), str(rate), *(f"{node.address}:{PORT}" for node in self._gate)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE
        ) as sender:  # closed, it would tell the sender to stop
            if sender.wait() != 0:
                raise RuntimeError("the sender failed")


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


def measured(load: str, nodes: int, mails: int, on_record: int) -> Cost:
    """What the mails cost until all were filed; a multiple of the nodes, where these are apart."""
    with tempfile.TemporaryDirectory(prefix="scaling-") as name, ExitStack() as opened:
        server_url = opened.enter_context(server("postgresql"))
        apart = nodes if load == "apart" else 1
        urls = [opened.enter_context(database(server_url, Path(name))) for _ in range(apart)]
        for url in urls:
            Store.open(url).close()
            if on_record:
                fill(url, on_record, 0)
        running = opened.enter_context(_running(load, nodes, urls, Path(name)))
        connections: list[Connection] = [
            opened.enter_context(psycopg.connect(url.replace("+psycopg", ""), autocommit=True))
            for url in urls
        ]
        books = Books(connections, [node.process.pid for node in running if node.process is not None])
        round_ = Round(Path(name), urls, connections, running)
        return _cost(load, nodes, mails, on_record, books, round_, urls[0])


def _cost(load: str, nodes: int, mails: int, on_record: int, books: Books, round_: Round, url: str) -> Cost:
    warm = _WARM_MAILS * nodes
    warming = round_.burst if "smtp" in _PARTS[load] or load == "thin" else round_.full
    warming("warm", warm, lambda: None)
    round_.wait_until_done(on_record + warm)
    books.vacuum()
    idle = _idle_share(books) / nodes
    begun: list[tuple[Account, float]] = []

    def begin() -> None:
        looks[:] = [0, 0]
        begun.append((books.balance(), time.monotonic()))

    with looking_for_locks(url) as looks:
        getattr(round_, load)("counted", mails, begin)
        round_.wait_until_done(on_record + warm + mails)
        over = time.monotonic()
        spent = books.balance()
    time.sleep(_STATISTICS_SECONDS)
    after, (before, since) = books.balance(), begun[0]
    return Cost(
        load=load,
        nodes=nodes,
        on_record=on_record,
        mails=mails,
        mails_per_second=mails / (over - since),
        node_milliseconds=(spent.node_seconds - before.node_seconds) * 1000 / mails,
        database_milliseconds=(spent.database_seconds - before.database_seconds) * 1000 / mails,
        idle_share=idle,
        transactions=(after.transactions - before.transactions) / mails,
        scans=(after.scans - before.scans) / mails,
        rows_read=(after.rows_read - before.rows_read) / mails,
        waits_for_locks=looks[0] / max(1, looks[1]),
        outlived_rows=(after.outlived_rows - before.outlived_rows) / mails,
        dead_rows=(after.dead_rows - before.dead_rows) / mails,
    )


@contextmanager
def _running(load: str, count: int, urls: Sequence[str], folder: Path) -> Iterator[list[Node]]:
    settings = {
        "INVOICES_REGISTRATION__LINK_KEY": secrets.token_hex(32),
        "INVOICES_AUTHENTICATION__RESOLVERS": "",
        "INVOICES_VALIDATION__MODE": "off",
    }
    nodes = [
        Node(
            _PARTS[load],
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
    for node in nodes:
        node.wait_until_ready()
    time.sleep(2)  # readers start after that
    try:
        yield nodes
    finally:
        for node in nodes:
            node.stop()


def _idle_share(books: Books) -> float:
    before = books.node_seconds()
    time.sleep(_IDLE_SECONDS)
    return (books.node_seconds() - before) / _IDLE_SECONDS


def main(arguments: list[str]) -> None:
    """Prints a line for each load and number of nodes."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--mails", type=int, default=4000)
    parser.add_argument("--loads", nargs="+", choices=sorted(_PARTS), default=["full", "thin"])
    parser.add_argument("--on-record", type=int, default=0, help="invoices on record before (%(default)s)")
    parser.add_argument("--all-cores", action="store_true", help="also those that disturb each other")
    wanted = parser.parse_args(arguments)
    if not wanted.all_cores:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # whatever is started inherits it
    for load in wanted.loads:
        for nodes in wanted.nodes:
            cost = measured(load, nodes, wanted.mails, wanted.on_record)
            print(json.dumps(asdict(cost)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
