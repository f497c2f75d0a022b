"""Accounts for what nodes and their PostgreSQL do: processor time, transactions, waits for locks, dead rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from bench.process_tree import tree_seconds
from bench.processes import Role, children, switches, used_below

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything so far; two of them tell what was spent between."""

    node_seconds: float
    reader_seconds: float  # part of it, as the next one
    checker_seconds: float
    database_seconds: float
    waits: int  # how often a thread of any of these gave the core back, for it had to wait
    preemptions: int  # how often one was made to
    transactions: int
    rows_read: int
    scans: int
    outlived_rows: int
    dead_rows: int


class Books:
    """The nodes by their process ids, and the databases of one server that they work on."""

    def __init__(self, connections: Sequence[Connection], pids: Sequence[int]) -> None:
        self._connections = connections
        self._pids = pids
        self._postmaster = one(connections[0], _POSTMASTER)[0]
        self._asked = 0  # transactions of our own, over all connections

    def balance(self) -> Account:
        """As of now. PostgreSQL's statistics are up to a second late; wait for them where that matters."""
        below = [used_below(pid) for pid in self._pids]
        switched = [switches(pid) for pid in self.processes()]
        return Account(
            node_seconds=self.node_seconds(),
            reader_seconds=sum(seconds[Role.READER] for seconds in below),
            checker_seconds=sum(seconds[Role.SENDER_CHECKER] for seconds in below),
            database_seconds=tree_seconds(self._postmaster),
            waits=sum(waited for waited, _ in switched),
            preemptions=sum(made_to for _, made_to in switched),
            transactions=self.sum(_TRANSACTIONS) - self._asked,
            rows_read=self.sum(_ROWS_READ),
            scans=self.sum(_SCANS),
            outlived_rows=self.sum(_OUTLIVED),
            dead_rows=self.sum(_DEAD),
        )

    def of_nodes(self) -> set[int]:
        """The processes of all nodes, as of now."""
        return {pid for daemon in self._pids for pid in (daemon, *children(daemon))}

    def processes(self) -> set[int]:
        """Those of PostgreSQL, too."""
        return self.of_nodes() | {self._postmaster, *children(self._postmaster)}

    def vacuum(self) -> None:
        """As autovacuum does within a minute; without statistics the planner walks through what is dead."""
        for connection in self._connections:
            connection.execute("VACUUM ANALYZE")

    def sum(self, query: str) -> int:
        """What a query finds, over all databases."""
        self._asked += len(self._connections)
        return sum(one(connection, query)[0] for connection in self._connections)

    def node_seconds(self) -> float:
        """Processor time of all nodes."""
        return sum(map(tree_seconds, self._pids))


def beside(url: str, **other: str) -> Connection:
    """A connection of our own, whose scans and rows do not count."""
    return psycopg.connect(
        url.replace("+psycopg", ""), autocommit=True, options="-c track_counts=off", **other
    )


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
        with beside(url, dbname="postgres") as connection:  # its transactions are not those of the nodes
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
