"""Copies everything in small steps, each of one instant, and follows what changes until the mailbox is closed."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, Table
from sqlalchemy.engine import Connection

from storage import schema
from storage.blobs.erasing import ErasingLock
from storage.database.engine import WRITES, database_file, open_engine
from storage.database.writer_lock import WriterLock
from storage.errors import Conflict, SchemaMismatch
from storage.ids import new_id
from storage.moving import changes, octets, rows, target
from storage.probe import probe

ROWS_AT_ONCE = 1000
OCTETS_AT_ONCE = 16 * 1024 * 1024
FEW_CHANGES = 300  # the mailbox is closed for what is left then
_ROUNDS = 50  # tries to come so near
_Item = TypeVar("_Item")


@dataclass(slots=True)
class Moved:
    """What was done by this call."""

    rows: int = 0  # copied
    octets: int = 0  # copied
    changes: int = 0  # rows that changed meanwhile, and were copied again


@dataclass(frozen=True, slots=True)
class Followed:
    """What is in both databases now."""

    counts: dict[str, int]  # rows of each table; of octets the mails that have some
    lost: list[str]  # mails whose octets are in neither, for they are not where they should be


@dataclass(frozen=True, slots=True)
class Step:
    """How far it is."""

    doing: str  # "copying" or "comparing"
    table: str


class Moving:
    """A move from one SQLite database to one PostgreSQL database; killed at any moment, the next call goes on."""

    def __init__(self, source: Engine, goal: Engine, file: Path) -> None:
        self._source, self._goal = source, goal
        self._writer, self._erasing = WriterLock(file), ErasingLock(file)
        self._progress: dict[str, target.Progress] = {}
        self.moved = Moved()

    def copy(self) -> Iterator[Step]:
        """Copies and compares what was not yet; a step is done when it is given out.

        Raises Conflict when a row is not the same on both sides, or PostgreSQL cannot hold it.
        """
        for table in rows.copied_tables():
            while not self._made(table.name).copied:
                with self._both() as (source, goal):
                    self._copy_rows(source, goal, table)
                yield Step("copying", table.name)
        while not self._made(octets.NAME).copied:
            with self._both() as (source, goal):
                self._copy_octets(source, goal)
            yield Step("copying", octets.NAME)
        with self._goal.begin() as goal:
            goal.exec_driver_sql("ANALYZE")  # else each look at a row may go through the whole table
        for table in rows.copied_tables():
            while not self._made(table.name).compared:
                with self._both() as (source, goal):
                    self._compare_rows(source, goal, table)
                yield Step("comparing", table.name)
        while not self._made(octets.NAME).compared:
            with self._both() as (source, goal):
                self._compare_octets(source, goal)
            yield Step("comparing", octets.NAME)

    def follow(self) -> Followed:
        """Copies what has changed since, and counts the rows of each table, which are the same on both sides.

        Raises Conflict when they are not.
        """
        for _ in range(_ROUNDS):
            before = self.moved.changes
            with self._both():
                pass
            if self.moved.changes - before <= FEW_CHANGES:
                break
        with self._both() as (source, goal):
            lost = target.lost(goal)
            return Followed(_counted(source, goal, len(lost)), lost)

    def finish(self) -> float:
        """Closes the SQLite database for good and opens the other; for how many seconds nobody could write.

        After this the old database takes nothing any more: what is not moved then is not answered 250.
        """
        self.follow()
        with self._erasing.keeping(), self._writing() as source:
            closed = time.monotonic()
            with self._goal.begin() as goal:
                self._catch_up(source, goal)
                target.guard_again(goal)
            changes.close(source)
        with self._goal.begin() as goal:
            target.open_to_all(goal)
        return time.monotonic() - closed

    @contextmanager
    def _both(self) -> Iterator[tuple[Connection, Connection]]:
        """Both databases as of one instant of the first: all that has changed in it is in the other already."""
        with self._erasing.keeping(), self._source.begin() as source, self._goal.begin() as goal:
            upto = self._catch_up(source, goal)
            yield source, goal
        more = True
        while more and upto:
            with self._writing() as source:
                more = changes.forget(source, upto)

    def _catch_up(self, source: Connection, goal: Connection) -> int:
        """Puts what changed since the last step in; 0 when nothing did, else the number of the last change."""
        since, upto = target.applied(goal), changes.newest(source)
        self._progress = target.progress(goal)
        if since == upto:
            return 0
        names = changes.names(source, since)
        changed = [table for table in rows.copied_tables() if table.name in names]
        # First everything goes, then everything comes: what is unique may have passed from one row to another.
        for table in reversed(changed):
            for keys in _portions(self._begun(table.name, changes.of_table(source, table, since))):
                rows.remove(goal, table, keys)
        for table in changed:
            for keys in _portions(self._begun(table.name, changes.of_table(source, table, since))):
                self._again(source, goal, table, keys)
        if octets.NAME in names:
            keys_of_mails = ((mail_id,) for mail_id in changes.of_octets(source, since))
            for keys in _portions(self._begun(octets.NAME, keys_of_mails)):
                self._octets_again(source, goal, [key[0] for key in keys])
        target.note_applied(goal, upto)
        return upto

    def _again(self, source: Connection, goal: Connection, table: Table, keys: list[rows.Key]) -> None:
        there = rows.rows_of(source, table, keys)
        rows.add(goal, table, there.values())
        _expect_same(rows.first_difference(table, there, rows.rows_of(goal, table, keys)))
        self.moved.changes += len(keys)

    def _octets_again(self, source: Connection, goal: Connection, mail_ids: list[str]) -> None:
        octets.remove(goal, mail_ids)
        there = octets.with_octets(source, mail_ids)
        self._add_octets(source, goal, mail_ids, there)
        _expect_same(octets.first_difference(source, goal, there))
        self.moved.changes += len(mail_ids)

    def _begun(self, name: str, keys: Iterable[rows.Key]) -> Iterator[rows.Key]:
        """Those that were copied; the others will be, as they are then."""
        made = self._made(name)
        return (key for key in keys if made.has(key))

    def _copy_rows(self, source: Connection, goal: Connection, table: Table) -> None:
        made = self._made(table.name)
        some = rows.rows_after(source, table, made.copied_to, ROWS_AT_ONCE)
        rows.add(goal, table, some)
        self.moved.rows += len(some)
        if some:
            made.copied_to = rows.key_of(table, some[-1])
        made.copied = len(some) < ROWS_AT_ONCE
        target.note_progress(goal, table.name, made)

    def _copy_octets(self, source: Connection, goal: Connection) -> None:
        made = self._made(octets.NAME)
        mails = _next_mails(source, made.copied_to)
        self._add_octets(source, goal, mails, mails)
        made.copied_to = (mails[-1],) if mails else made.copied_to
        made.copied = not mails
        target.note_progress(goal, octets.NAME, made)

    def _add_octets(self, source: Connection, goal: Connection, tried: list[str], there: list[str]) -> None:
        copied, lost = octets.add(source, goal, there)
        target.note_lost(goal, tried, lost)
        self.moved.octets += copied

    def _compare_rows(self, source: Connection, goal: Connection, table: Table) -> None:
        made = self._made(table.name)
        some = rows.rows_after(source, table, made.compared_to, ROWS_AT_ONCE)
        here = {rows.key_of(table, values): values for values in some}
        _expect_same(rows.first_difference(table, here, rows.rows_of(goal, table, list(here))))
        if some:
            made.compared_to = rows.key_of(table, some[-1])
        made.compared = len(some) < ROWS_AT_ONCE
        target.note_progress(goal, table.name, made)

    def _compare_octets(self, source: Connection, goal: Connection) -> None:
        made = self._made(octets.NAME)
        mails = _next_mails(source, made.compared_to)
        _expect_same(octets.first_difference(source, goal, mails))
        made.compared_to = (mails[-1],) if mails else made.compared_to
        made.compared = not mails
        target.note_progress(goal, octets.NAME, made)

    def _made(self, name: str) -> target.Progress:
        return self._progress.setdefault(name, target.Progress())

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._writer.held(), _begun_to_write(self._source) as connection:
            yield connection

    def begin(self) -> None:
        """Makes the tables, and has changes noted, where that was not done before.

        Raises Conflict when the goal is not empty, or belongs to another move.
        """
        found = probe(self._goal)
        if found.obstacle:
            raise Conflict(f"the database to move to answers, but {found.obstacle}")
        with self._source.begin() as source:
            here = changes.move_under_way(source)
        with self._goal.begin() as goal:
            there = target.move_under_way(goal)
            if there is None:
                move_id = new_id()
                target.begin(goal, move_id)
                with self._writing() as source:  # before the goal: one that is not there can be begun again
                    changes.begin(source, move_id)
            elif there != here:
                raise Conflict(
                    "the database to move to holds another move, or one that another version of the program began: "
                    "make a new one, and begin again"
                )
            elif there[1] != schema.NEWEST:
                raise Conflict(
                    "an older version of the program began this move: make a new database, and begin again"
                )
            target.let_rows_in(goal)
            self._progress = target.progress(goal)

    def close(self) -> None:
        """Gives the file of the lock back."""
        self._writer.close()


@contextmanager
def opened(url: str, to: str) -> Iterator[Moving | None]:
    """The move between two databases, begun or taken up again; None when all that was left was to open the second.

    Raises Conflict, SchemaMismatch.
    """
    source, goal = open_engine(url), open_engine(to)
    try:
        file = _expect_file(source)
        if goal.dialect.name != "postgresql":
            raise Conflict("a mailbox moves to PostgreSQL only: postgresql+psycopg://USER@HOST/NAME")
        with _alone(file):
            if _is_closed(source):
                _open_goal(source, goal)
                yield None
                return
            moving = Moving(source, goal, file)
            try:
                moving.begin()
                yield moving
            finally:
                moving.close()
    finally:
        source.dispose()
        goal.dispose()


def abandon(url: str) -> bool:
    """Ends a move before it was finished; False when there was none. Raises Conflict, SchemaMismatch."""
    source = open_engine(url)
    try:
        file = _expect_file(source)
        writer = WriterLock(file)
        try:
            with _alone(file), writer.held(), _begun_to_write(source) as connection:
                if schema.current_version(connection) == schema.MOVED:
                    raise SchemaMismatch(schema.wrong_version(schema.MOVED))
                under_way = changes.move_under_way(connection) is not None
                changes.end(connection)
                return under_way
        finally:
            writer.close()
    finally:
        source.dispose()


def _expect_file(source: Engine) -> Path:
    file = database_file(source)
    if file is None or not file.exists():
        raise Conflict("only a mailbox on SQLite can be moved, and database.url names none that is there")
    return file


def _is_closed(source: Engine) -> bool:
    with source.begin() as connection:
        found = schema.current_version(connection)
    if found not in (schema.NEWEST, schema.MOVED):
        raise SchemaMismatch(schema.wrong_version(found))
    return found == schema.MOVED


def _open_goal(source: Engine, goal: Engine) -> None:
    """What a finish that was killed left to be done."""
    with source.begin() as connection:
        here = changes.move_under_way(connection)
    with goal.begin() as connection:
        if schema.current_version(connection) != schema.MOVING:
            raise Conflict("this mailbox has moved already: set database.url to where it is now")
        if target.move_under_way(connection) != here:
            raise Conflict("this mailbox has moved already, to another database than this one")
        target.open_to_all(connection)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    descriptor = os.open(
        file.with_name(f"{file.name}-move-lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640
    )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Conflict("this mailbox is being moved by another process") from None
    finally:
        os.close(descriptor)


@contextmanager
def _begun_to_write(engine: Engine) -> Iterator[Connection]:
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        yield connection


def _counted(source: Connection, goal: Connection, lost: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    for table in rows.copied_tables():
        counts[table.name], there = rows.count(source, table), rows.count(goal, table)
        if counts[table.name] != there:
            raise Conflict(f"{table.name} has {counts[table.name]} rows here and {there} there")
    counts[octets.NAME], there = octets.count(source), octets.count(goal) + lost
    if counts[octets.NAME] != there:
        raise Conflict(f"there are octets of {counts[octets.NAME]} mails here, and of {there} there")
    return counts


def _next_mails(source: Connection, after: rows.Key | None) -> list[str]:
    return octets.mails_after(source, after[0] if after else None, OCTETS_AT_ONCE, ROWS_AT_ONCE)


def _expect_same(difference: str | None) -> None:
    if difference is not None:
        raise Conflict(f"{difference}; report it, the mailbox has not moved")


def _portions(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    left = iter(items)
    while portion := list(islice(left, ROWS_AT_ONCE)):
        yield portion
