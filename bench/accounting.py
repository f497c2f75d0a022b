"""Accounts for what nodes and their PostgreSQL do: processor time, transactions, waits for locks, dead rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from bench.process_tree import tree_seconds

_LOOK_SECONDS = 0.05
_WORK = (
    "SELECT xact_commit + xact_rollback, tup_fetched + tup_returned FROM pg_stat_database"
    " WHERE datname = current_database()"
)
_SCANS = "SELECT sum(coalesce(idx_scan, 0) + coalesce(seq_scan, 0))::bigint FROM pg_stat_user_tables"
_DEAD = "SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables"
_WAITING = (
    "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'), count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()"
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
    dead_rows: int


class Books:
    """The nodes by their process ids, and the database that they share."""

    def __init__(self, connection: Connection, pids: list[int]) -> None:
        self._connection = connection
        self._pids = pids
        self._postmaster = one(connection, _POSTMASTER)[0]

    def balance(self) -> Account:
        """As of now. PostgreSQL's statistics are up to a second late; wait for them where that matters."""
        transactions, rows_read = one(self._connection, _WORK)
        return Account(
            node_seconds=self.node_seconds(),
            database_seconds=tree_seconds(self._postmaster),
            transactions=transactions,
            rows_read=rows_read,
            scans=one(self._connection, _SCANS)[0],
            dead_rows=one(self._connection, _DEAD)[0],
        )

    def vacuum(self) -> None:
        """As autovacuum does within a minute; without statistics the planner walks through what is dead."""
        self._connection.execute("VACUUM ANALYZE")

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
