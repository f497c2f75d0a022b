"""Accounts for what nodes and their PostgreSQL do: processor time, transactions, waits for locks, dead rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from bench.process_tree import tree_seconds

_LOOK_SECONDS = 0.05
_TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
_ROWS_READ = "SELECT tup_fetched + tup_returned FROM pg_stat_database WHERE datname = current_database()"
_SCANS = "SELECT sum(coalesce(idx_scan, 0) + coalesce(seq_scan, 0))::bigint FROM pg_stat_user_tables"
_DEAD = "SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables"
# Each leaves a dead row behind, which a vacuum takes away whenever it comes.
_OUTLIVED = "SELECT coalesce(sum(n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables"
_WAITING = (
    "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'), count(*) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()"
)
_POSTMASTER = "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int"

Connection = psycopg.Connection[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Account:
    """Everything so far; two of them tell what was spent between."""

    node_seconds: float
    database_seconds: float
    transactions: int
    rows_read: int
    scans: int
    outlived_rows: int
    dead_rows: int


class Books:
    """The nodes by their process ids, and the databases of one server that they work on."""

    def __init__(self, connections: Sequence[Connection], pids: list[int]) -> None:
        self._connections = connections
        self._pids = pids
        self._postmaster = one(connections[0], _POSTMASTER)[0]

    def balance(self) -> Account:
        """As of now. PostgreSQL's statistics are up to a second late; wait for them where that matters."""
        return Account(
            node_seconds=self.node_seconds(),
            database_seconds=tree_seconds(self._postmaster),
            transactions=self._sum(_TRANSACTIONS),
            rows_read=self._sum(_ROWS_READ),
            scans=self._sum(_SCANS),
            outlived_rows=self._sum(_OUTLIVED),
            dead_rows=self._sum(_DEAD),
        )

    def vacuum(self) -> None:
        """As autovacuum does within a minute; without statistics the planner walks through what is dead."""
        for connection in self._connections:
            connection.execute("VACUUM ANALYZE")

    def _sum(self, query: str) -> int:
        return sum(one(connection, query)[0] for connection in self._connections)

    def node_seconds(self) -> float:
        """Processor time of all nodes."""
        return sum(map(tree_seconds, self._pids))


def one(connection: Connection, query: str) -> tuple[int, ...]:
    """The one row that a query of our own finds."""
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return tuple(map(int, row))


@contextmanager
def looking_for_locks(url: str) -> Iterator[list[int]]:
    """How many backends waited for a lock, and how many worked, over all looks."""
    found, over = [0, 0], threading.Event()

    def look() -> None:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            while not over.wait(_LOOK_SECONDS):
                waiting, working = one(connection, _WAITING)
                found[0] += waiting
                found[1] += working

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        over.set()
        looking.join()
