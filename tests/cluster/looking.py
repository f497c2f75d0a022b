"""Looks at the primary while mail comes in: waits for locks, dead rows, and room, by the mails on record."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg

from tests.cluster.postgres import Servers

_LOOK_SECONDS = 0.2
_LOOKS_A_COUNT = 25  # counting the mails takes longer
_MOST_NAMED = 3

_WORKING = (
    "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'), count(*) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()"
)
_ON_RECORD = "SELECT count(*) FROM received_mail WHERE state = 'filed'"
_OUTLIVED = "SELECT sum(n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables"
_DEAD = "SELECT relname, n_dead_tup FROM pg_stat_user_tables WHERE n_dead_tup > 0 ORDER BY n_dead_tup DESC, relname"
_OCTETS = "SELECT pg_database_size(current_database()), pg_total_relation_size('mail_octets')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some thousand mails, from the first to the last of them on record."""

    on_record: int = 0  # at its end, as all below but the first three
    looks: int = 0  # at working backends
    waiting: int = 0  # of them, those that waited for a lock
    outlived: int = 0  # rows changed or deleted; those of a primary that died are lost
    dead: int = 0  # that no vacuum has taken away; a standby that takes over begins to count anew
    most_dead: str = ""  # the tables that have most of them
    octets: int = 0  # of the database
    waiting_octets: int = 0  # of mails that are not in the object store yet; room that was freed counts

    def told(self, before: Stretch) -> str:
        """As a line."""
        mails = max(1, self.on_record - before.on_record)
        return (
            f"{self.on_record:,} on record: {self.waiting} of {self.looks:,} looks found a wait for a lock;"
            f" {self.outlived / mails:.1f} rows outlived a mail; {self.dead:,} dead ({self.most_dead});"
            f" database {self.octets / 1024**2:,.0f} MiB, of these {self.waiting_octets / 1024**2:,.0f} octets"
        )


class Looking:
    """Writes down a stretch for every so many mails."""

    def __init__(self, servers: Servers, every: int) -> None:
        self.stretches: list[Stretch] = [Stretch()]
        self._servers = servers
        self._every = every
        self._now = Stretch()
        self._outlived = 0
        self._over = threading.Event()

    def run(self) -> None:
        """Until it is told to end; a primary that dies is one look less."""
        while not self._over.is_set():
            try:
                with self._servers.connect() as connection:
                    self._look(connection)
            except psycopg.Error:
                self._outlived = 0
                self._over.wait(_LOOK_SECONDS)

    def end(self) -> None:
        """From any thread."""
        self._over.set()

    def _look(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        looks = 0
        while not self._over.wait(_LOOK_SECONDS):
            waiting, working = _numbers(connection, _WORKING)
            now = self._now
            self._now = replace(now, waiting=now.waiting + waiting, looks=now.looks + working)
            looks += 1
            if looks % _LOOKS_A_COUNT == 0:
                self._count(connection)

    def _count(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        [on_record] = _numbers(connection, _ON_RECORD)
        [outlived] = _numbers(connection, _OUTLIVED)
        more = max(0, outlived - self._outlived) if self._outlived else 0
        self._outlived = outlived
        self._now = replace(self._now, on_record=on_record, outlived=self._now.outlived + more)
        if on_record // self._every > self.stretches[-1].on_record // self._every:
            self.stretches.append(self._ended(connection))
            self._now = Stretch()

    def _ended(self, connection: psycopg.Connection[tuple[object, ...]]) -> Stretch:
        dead = [(str(name), int(str(count))) for name, count in connection.execute(_DEAD)]
        octets, waiting_octets = _numbers(connection, _OCTETS)
        return replace(
            self._now,
            dead=sum(count for _, count in dead),
            most_dead=", ".join(f"{name} {count:,}" for name, count in dead[:_MOST_NAMED]),
            octets=octets,
            waiting_octets=waiting_octets,
        )


@contextmanager
def looking(servers: Servers, every: int) -> Iterator[list[Stretch]]:
    """The stretches so far, inside the block and after it; the first is that of nothing on record."""
    look = Looking(servers, every)
    thread = threading.Thread(target=look.run, name="looking")
    thread.start()
    try:
        yield look.stretches
    finally:
        look.end()
        thread.join()


def _numbers(connection: psycopg.Connection[tuple[object, ...]], query: str) -> list[int]:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return [int(str(number or 0)) for number in row]
