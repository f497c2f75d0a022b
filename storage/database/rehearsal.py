"""A transaction of SQLite's that was rehearsed: what it asked, what it was answered, and what it wants to write.

SQLite lets one write at a time, so that everything which is done between the beginning and the end of a transaction is
time that others wait. A rehearsal reads, computes and binds before its turn; in its turn it asks the same once more and
writes, in a quarter of the time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

REHEARSAL = "invoices_rehearsal"  # execution option: nothing is written, but kept there


class Outdated(Exception):  # noqa: N818  -- no error: do it again
    """What the rehearsal went by is no longer so; nothing was written."""


@dataclass(slots=True)
class Rehearsal:
    """Of one transaction."""

    asked: list[tuple[str, Sequence[Any], list[Any]]] = field(default_factory=list)  # SQL, values, answer
    written: list[tuple[str, Sequence[Any]]] = field(default_factory=list)  # SQL, rows of values

    def perform(self, driver: sqlite3.Connection) -> None:
        """Writes, when everything is answered as it was. Raises Outdated, sqlite3.Error."""
        driver.execute("BEGIN IMMEDIATE")
        try:
            self._expect_the_same_answers(driver)
            for sql, rows in self.written:
                driver.executemany(sql, rows)
            driver.execute("COMMIT")
        except BaseException:
            if driver.in_transaction:
                driver.execute("ROLLBACK")
            raise

    def _expect_the_same_answers(self, driver: sqlite3.Connection) -> None:
        for sql, values, answer in self.asked:
            if driver.execute(sql, values).fetchall() != answer:
                raise Outdated


@contextmanager
def rehearsed_on(connection: Connection) -> Iterator[Rehearsal]:
    """Keeps what is written straight within the block; what is written in another way is an error."""
    rehearsal = Rehearsal()
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA query_only = ON")
    try:
        connection.execution_options(**{REHEARSAL: rehearsal})
        yield rehearsal
    finally:
        driver.execute("PRAGMA query_only = OFF")
