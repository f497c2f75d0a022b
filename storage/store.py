"""The one door to the database: transactions in, errors named by what the caller can do out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from storage import schema
from storage.backup import of_postgres, of_sqlite
from storage.backup.archive import BackupReader, BackupWriter
from storage.backup.manifest import Manifest, NotABackup
from storage.blobs.erasing import ErasingLock
from storage.blobs.octet_log import log_beside
from storage.blobs.octets import Octets
from storage.blobs.sealing import MasterKey
from storage.database.engine import (
    LAZILY,
    MASTER_KEY,
    WRITES,
    database_file,
    is_missing_file,
    open_engine,
)
from storage.database.journal import Journal
from storage.database.named_errors import named_errors
from storage.database.rehearsal import rehearsed_on
from storage.database.writer_lock import WriterLock
from storage.errors import SchemaMismatch, StorageUnavailable
from storage.moving.move import Moving, abandon
from storage.moving.move import opened as opened_move
from storage.probe import Probe, probe
from storage.queue.bell import Bell
from storage.queue.intake import Intake
from storage.records.mails import IncomingMail, Receipt
from storage.size import size_octets
from storage.transaction import Transaction, records_of


class Store:
    """Records in one SQL database (SQLite or PostgreSQL)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lazy: Engine | None = None
        self._file = database_file(engine)
        self._writer = WriterLock(self._file) if self._file else None
        self._inode = self._file.stat().st_ino if self._file and self._file.exists() else None
        self._intake = Intake(engine, self._turn, log_beside(engine))
        self.journal = Journal(engine, self._file, self._turn)
        self.octets = Octets(engine, self._reading, self._asking, self._writing, self.settle)

    @classmethod
    def open(cls, url: str, master_key: MasterKey | None = None) -> Store:
        """The store at `url`; creates the schema of an empty database.

        `master_key` is what octets outside the database are encrypted with, by way of a key for each mail.
        Raises StorageUnavailable, SchemaMismatch.
        """
        with named_errors():
            engine = open_engine(url)
            engine.update_execution_options(**{MASTER_KEY: master_key})
            store = cls(engine)
        try:
            store._expect_schema()
        except BaseException:
            store.close()
            raise
        return cls(store._engine)

    @classmethod
    def migrate(cls, url: str) -> tuple[str | None, str]:
        """Brings the schema at `url` to the newest version; the versions before and after.

        Raises StorageUnavailable.
        """
        with named_errors():
            engine = open_engine(url)
            try:
                return schema.migrate(engine)
            finally:
                engine.dispose()

    @classmethod
    def schema(cls, url: str) -> tuple[str | None, str]:
        """The schema version at `url` (None when empty) and the one this release needs.

        Raises StorageUnavailable.
        """
        if is_missing_file(url):
            return None, schema.NEWEST
        with named_errors():
            engine = open_engine(url)
            try:
                with engine.connect() as connection:
                    return schema.current_version(connection), schema.NEWEST
            finally:
                engine.dispose()

    @classmethod
    def probe(cls, url: str) -> Probe | None:
        """What the database at `url` is like; None for a file that is made at the first start.

        Raises StorageUnavailable.
        """
        if is_missing_file(url):
            return None
        with named_errors():
            engine = open_engine(url)
            try:
                return probe(engine)
            finally:
                engine.dispose()

    @contextmanager
    def transaction(self, *, lazily: bool = False) -> Iterator[Transaction]:
        """A transaction that may write; committed at the end of the block, undone by any exception.

        `lazily`: the commit does not wait for the disk, and nobody for it. After a power cut it may be undone, with
        everything after it; `settle` makes it last. Raises StorageUnavailable, Conflict.
        """
        with named_errors(), self._writing(lazily=lazily) as connection:
            yield records_of(connection)

    @contextmanager
    def brief_transaction(self, begins: Callable[[], None]) -> Iterator[Transaction]:
        """A lazy transaction that keeps others from writing for as short as can be; `begins` is called in its turn.

        On SQLite it is rehearsed (see its module): the block runs before the turn, may write by `carry_out` only,
        and does not see what it has written; what it asks by `answers` has to be answered so at the end as well.
        Raises Outdated when it is not, StorageUnavailable, Conflict.
        """
        with named_errors():
            if self._file is None:
                with self._writing(lazily=True) as connection:
                    begins()
                    yield records_of(connection)
                return
            with self._reading() as connection, rehearsed_on(connection) as rehearsal:
                yield records_of(connection)
            if rehearsal.written:
                with self._turn(), closing(self._lazy_engine().raw_connection()) as pooled:
                    begins()
                    driver: Any = pooled.driver_connection
                    rehearsal.perform(driver)

    def settle(self) -> None:
        """What was committed lazily, by anybody, is durable on return. Raises StorageUnavailable."""
        if self._file is None:
            with named_errors(), self._writing() as connection:
                # One that changed nothing would not wait for those before it.
                connection.exec_driver_sql("SELECT txid_current()")
        self.journal.sync()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A transaction that only reads; it waits for no writer. Raises StorageUnavailable."""
        with named_errors(), self._reading() as connection:
            yield records_of(connection)

    @contextmanager
    def asking(self) -> Iterator[Transaction]:
        """For single questions: each sees what is on record at its moment, and costs PostgreSQL one round trip.

        `reading` takes three for it. What comes in portions (`yield_per`) has to be read there.
        Raises StorageUnavailable.
        """
        with named_errors(), self._asking() as connection:
            yield records_of(connection)

    def add_mails(self, mails: Sequence[IncomingMail]) -> list[Receipt]:
        """Queues mails in one transaction, durably; see `Intake.add`. Raises StorageUnavailable."""
        with named_errors():
            return self._intake.add(mails)

    @property
    def takes_writers_at_once(self) -> bool:
        """Whether several may write beside each other; on SQLite they take turns."""
        return self._file is None

    @property
    def bell(self) -> Bell | None:
        """What wakes workers on other machines; None for SQLite, which has none."""
        return Bell(self._engine) if self._file is None else None

    def back_up(self, writer: BackupWriter, *, now: datetime, elsewhere: bool = False) -> Manifest:
        """Copies everything as it is at one instant, while others write.

        `elsewhere`: with the octets that lie in folders and buckets. Raises StorageUnavailable, NotABackup, NotFound.
        """
        octets_now = self.octets.now if elsewhere else None
        with named_errors():
            if self._file is None:
                contents = of_postgres.back_up(self._engine, writer, octets_now)
            else:
                with ErasingLock(self._file).keeping():
                    contents = of_sqlite.back_up(self._engine, writer, octets_now)
            return writer.finish(contents, now)

    @classmethod
    def restore(cls, url: str, reader: BackupReader) -> None:
        """Makes an empty store of a backup, with the newest schema.

        Raises Conflict when the store at `url` is not empty, StorageUnavailable, NotABackup.
        """
        contents = reader.manifest.contents
        if contents.schema > schema.NEWEST:
            raise NotABackup(
                f"the backup has schema {contents.schema}, this version knows {schema.NEWEST}: "
                "restore it with the version of the program that made it, or a newer one"
            )
        with named_errors():
            engine = open_engine(url)
            try:
                if contents.engine != engine.dialect.name:
                    raise NotABackup(
                        f"the backup was made of {contents.engine}, database.url names {engine.dialect.name}; "
                        "they have to be the same"
                    )
                (of_sqlite if contents.engine == "sqlite" else of_postgres).restore(engine, reader)
                schema.migrate(engine)
            finally:
                engine.dispose()

    @classmethod
    @contextmanager
    def moving(cls, url: str, to: str) -> Iterator[Moving | None]:
        """The move from SQLite at `url` to PostgreSQL at `to`; see `storage.moving.move.opened`.

        Raises StorageUnavailable, SchemaMismatch, Conflict, also in the block.
        """
        with named_errors(), opened_move(url, to) as moving:
            yield moving

    @classmethod
    def abandon_move(cls, url: str) -> bool:
        """Ends a move of the SQLite database at `url` before it was finished; False when there was none.

        Raises StorageUnavailable, SchemaMismatch, Conflict.
        """
        with named_errors():
            return abandon(url)

    def size(self) -> int:
        """Octets that everything takes on the disk. Raises StorageUnavailable."""
        with named_errors():
            return size_octets(self._engine)

    def close(self) -> None:
        """Closes every connection."""
        self._intake.close()
        self._dispose()
        if self._writer is not None:
            self._writer.close()

    @contextmanager
    def _writing(self, *, lazily: bool = False) -> Iterator[Connection]:
        engine = self._lazy_engine() if lazily else self._engine
        with (
            self._turn(),
            engine.connect().execution_options(**{WRITES: True, LAZILY: lazily}) as connection,
            connection.begin(),
        ):
            yield connection

    def _lazy_engine(self) -> Engine:
        if self._file is None:
            return self._engine
        if self._lazy is None:
            self._lazy = open_engine(self._engine.url, lazily=True)
        return self._lazy

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        if self._file is not None:
            with self._reading() as connection:
                yield connection
            return
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The turn to write: on SQLite one writer at a time, and only into the file that was opened."""
        with self._writer.held() if self._writer else nullcontext(), self._file_in_place():
            yield

    @contextmanager
    def _file_in_place(self) -> Iterator[None]:
        """Refuses to write into an SQLite file that somebody removed or replaced: it would be lost with it."""
        if self._file is not None and self._inode is not None:
            found = self._file.stat().st_ino if self._file.exists() else None
            if found != self._inode:
                self._dispose()
                self._inode = found or self._inode  # one that was put back is taken up by the next call
                raise StorageUnavailable(f"{self._file} was removed or replaced; put it back")
        yield

    def _dispose(self) -> None:
        self._engine.dispose()
        if self._lazy is not None:
            self._lazy.dispose()

    def _expect_schema(self) -> None:
        with named_errors():
            with self._engine.connect() as connection:
                found = schema.current_version(connection)
            if found is None:
                schema.migrate(self._engine)
                return
        if found != schema.NEWEST:
            raise SchemaMismatch(schema.wrong_version(found))
