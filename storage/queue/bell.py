"""Wakes workers on other machines when mail has come, by PostgreSQL's NOTIFY and LISTEN."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from storage.database.postgres_session import connect, leads_through_pooler
from storage.errors import StorageUnavailable

_LOOK_SECONDS = 0.5  # how often a listener sees whether it is to stop

# A transaction of its own: PostgreSQL commits those with a NOTIFY one by one, and mails must not wait for each
# other's syncs. This one waits for no disk.
_RING = "SELECT set_config('synchronous_commit', 'off', true), pg_notify('invoices_mail', '')"


class NobodyRings(Exception):  # noqa: N818  -- says what is so
    """A pooler stands between, which leaves LISTEN to somebody else."""


class Bell:
    """One bell for all nodes of a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ring(self) -> None:
        """Whoever listens hears it. Raises StorageUnavailable."""
        try:
            with self._engine.connect() as connection, connection.begin():
                connection.exec_driver_sql(_RING)
        except SQLAlchemyError as error:
            raise StorageUnavailable(str(error.__cause__ or error)) from error

    def listen(self, hear: Callable[[], None], stop: threading.Event) -> None:
        """Calls `hear` whenever it rings, until `stop` is set; once at the beginning, for what came before.

        Raises StorageUnavailable when the connection is lost, NobodyRings.
        """
        try:
            with connect(self._engine) as connection:
                if leads_through_pooler(connection):
                    raise NobodyRings
                connection.execute("LISTEN invoices_mail")
                hear()
                # Waiting inside `notifies`, the driver would wake ten times a second.
                line = select.poll()
                line.register(connection.fileno(), select.POLLIN)
                while not stop.is_set():
                    if line.poll(_LOOK_SECONDS * 1000):
                        for _ in connection.notifies(timeout=0):
                            hear()
        except psycopg.Error as error:
            raise StorageUnavailable(str(error)) from error
