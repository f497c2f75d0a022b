"""What a mail costs as nodes are added: `python -m bench.scaling [--nodes 1 8] [--mails 4000]`; needs root.

Each node takes mail, files it and checks its sender, over one PostgreSQL. By accounting, not by speed: processor time
of all nodes and of the database for a mail, transactions and rows read for a mail, how often a backend was found
waiting for a lock, and dead rows of the queue. So it can be told on a machine with fewer cores than nodes. Each node is
warm: it has filed some mails before, which do not count. What nodes take while nothing comes is told apart.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from bench.database import database, server
from bench.process_tree import tree_seconds
from fixtures.expectation import cases
from tests.cluster.nodes import PORT, Node

_SESSIONS = 16
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 600.0

_WARM_MAILS = 64  # of each node
_IDLE_SECONDS = 5.0

_LEFT = (
    "SELECT (SELECT count(*) FROM received_mail WHERE state IN ('received', 'claimed'))"
    " + (SELECT count(*) FROM received_mail WHERE sender_check_at IS NOT NULL)"
)
_DONE = "SELECT count(*) FROM received_mail WHERE state = 'filed'"
_WORK = (
    "SELECT xact_commit + xact_rollback, tup_fetched + tup_returned FROM pg_stat_database"
    " WHERE datname = current_database()"
)
_DEAD = "SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables WHERE relname = 'received_mail'"
_WAITING = (
    "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'), count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()"
)
_POSTMASTER = "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int"

_Connection = psycopg.Connection[tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of each mail, with so many nodes."""

    nodes: int
    mails: int
    mails_per_second: float
    node_milliseconds: float
    database_milliseconds: float
    idle_share: float  # of a core that one node takes while there is no mail
    transactions: float
    rows_read: float
    waits_for_locks: float  # share of looks at working backends
    dead_rows: int  # of the queue, at the end


def measured(nodes: int, mails: int) -> Cost:
    """Sends the mails to all nodes in turns; what they cost until all were filed."""
    with (
        tempfile.TemporaryDirectory(prefix="scaling-") as name,
        server("postgresql") as server_url,
        database(server_url, Path(name)) as url,
        _running(nodes, url, Path(name)) as running,
        psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection,
    ):
        pids = [node.process.pid for node in running if node.process is not None]
        postmaster = _one(connection, _POSTMASTER)[0]
        warm = _WARM_MAILS * nodes
        _send(Path(name, "warm"), running, warm)
        _wait_until_done(connection, warm)
        idle = _idle_share(pids)
        before, spent, served = _one(connection, _WORK), _seconds(pids), tree_seconds(postmaster)
        began = time.monotonic()
        with _looking(url) as looks:
            _send(Path(name, "counted"), running, mails)
            _wait_until_done(connection, warm + mails)
        seconds = time.monotonic() - began
        time.sleep(1.5)  # statistics arrive late
        after = _one(connection, _WORK)
        return Cost(
            nodes=nodes,
            mails=mails,
            mails_per_second=mails / seconds,
            node_milliseconds=(_seconds(pids) - spent) * 1000 / mails,
            database_milliseconds=(tree_seconds(postmaster) - served) * 1000 / mails,
            idle_share=idle,
            transactions=(after[0] - before[0]) / mails,
            rows_read=(after[1] - before[1]) / mails,
            waits_for_locks=looks[0] / max(1, looks[1]),
            dead_rows=_one(connection, _DEAD)[0],
        )


@contextmanager
def _running(count: int, url: str, folder: Path) -> Iterator[list[Node]]:
    settings = {
        "INVOICES_DATABASE__URL": url,
        "INVOICES_REGISTRATION__LINK_KEY": secrets.token_hex(32),
        "INVOICES_AUTHENTICATION__RESOLVERS": "",
        "INVOICES_VALIDATION__MODE": "off",
    }
    nodes = [
        Node("smtp worker", f"127.0.0.{81 + number}", folder / str(number), settings)
        for number in range(count)
    ]
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


@contextmanager
def _looking(url: str) -> Iterator[list[int]]:
    """How many backends waited for a lock, and how many worked, of all looks."""
    found, over = [0, 0], threading.Event()

    def look() -> None:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            while not over.wait(_LOOK_SECONDS):
                waiting, working = _one(connection, _WAITING)
                found[0] += waiting
                found[1] += working

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        over.set()
        looking.join()


def _send(folder: Path, nodes: list[Node], mails: int) -> None:
    template = next(case.octets for case in cases() if case.name == "xrechnung-ubl")
    key = folder.name.encode() + b"-KEY"  # or the mails of the second run would be those of the first
    template = template.replace(b"WW-26-2001", key).replace(b"<xrechnung-ubl@", b"<" + key + b"@")
    folder.mkdir()
    (folder / "template.eml").write_bytes(template)
    command = [sys.executable, "-m", "tests.cluster.sender", folder / "list", folder / "template.eml"]
    command += [str(_SESSIONS), str(mails), "0", *(f"{node.address}:{PORT}" for node in nodes)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE
    ) as sender:  # closed, it would tell the sender to stop
        if sender.wait() != 0:
            raise RuntimeError("the sender failed")


def _wait_until_done(connection: _Connection, mails: int) -> None:
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while left := _one(connection, _LEFT)[0]:
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{left} mails wait to be filed, or for the check of their senders")
        time.sleep(0.1)
    if (done := _one(connection, _DONE)[0]) != mails:
        raise RuntimeError(f"{mails} mails were sent, {done} are filed")


def _idle_share(pids: list[int]) -> float:
    before = _seconds(pids)
    time.sleep(_IDLE_SECONDS)
    return (_seconds(pids) - before) / _IDLE_SECONDS / len(pids)


def _seconds(pids: list[int]) -> float:
    return sum(map(tree_seconds, pids))


def _one(connection: _Connection, query: str) -> tuple[int, ...]:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return tuple(map(int, row))


def main(arguments: list[str]) -> None:
    """Prints a line for each number of nodes."""
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--mails", type=int, default=4000)
    wanted = parser.parse_args(arguments)
    for nodes in wanted.nodes:
        print(json.dumps(asdict(measured(nodes, wanted.mails))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
