"""The one door to the database: transactions in, errors named by what the caller can do out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy import exc as sql
from sqlalchemy.engine import Connection

from storage import schema
from storage.accounts import Accounts
from storage.acts import Acts
from storage.api_tokens import ApiTokens
from storage.backup import of_postgres, of_sqlite
from storage.backup.archive import BackupReader, BackupWriter
from storage.backup.manifest import Manifest, NotABackup
from storage.bell import Bell
from storage.blobs import BlobPlace, open_place
from storage.claims import Claims
from storage.codes import Codes
from storage.desk import Desk
from storage.driver_errors import DRIVER_ERRORS, means_conflict, means_unavailable
from storage.engine import (
    BUSY_SECONDS,
    LAZILY,
    MASTER_KEY,
    WRITES,
    database_file,
    is_missing_file,
    octet_log,
    open_engine,
)
from storage.erasing import ErasingLock
from storage.errors import Conflict, SchemaMismatch, StorageUnavailable
from storage.expired import Expired
from storage.expiries import Expiries
from storage.factors import FactorRecords
from storage.history import History
from storage.inbox import Inbox
from storage.intake import Intake
from storage.invoices import Invoices
from storage.legal_holds import LegalHolds
from storage.mail_keys import MailKeys
from storage.memberships import Memberships
from storage.moving.move import Moving, abandon
from storage.moving.move import opened as opened_move
from storage.operators import Operators
from storage.outbox import Outbox
from storage.partners import Partners
from storage.probe import Probe, probe
from storage.received_mail import ReceivedMails
from storage.records.mails import IncomingMail, Receipt
from storage.registration_links import RegistrationLinks
from storage.retention_gate import RetentionGate
from storage.retention_ledger import RetentionLedger
from storage.sealing import MasterKey, seal
from storage.second_looks import SecondLooks
from storage.sender_checks import SenderChecks
from storage.sender_warnings import SenderWarnings
from storage.sessions import Sessions
from storage.size import size_octets
from storage.soundness import Soundness
from storage.stored_octets import StoredOctets
from storage.throttles import Throttles
from storage.users import Users
from storage.validations import Validations
from storage.webhook_deliveries import WebhookDeliveries
from storage.webhooks import Webhooks
from storage.would_go import WouldGo
from storage.writer_lock import WriterLock

_JOURNAL_TRIES = 20
_JOURNAL_PAUSE_SECONDS = 0.05

_FREED_AT_ONCE = 500  # objects deleted outside the database before that is noted


@dataclass(frozen=True, slots=True)
class Transaction:
    """All records, seen within one transaction."""

    mails: ReceivedMails
    accounts: Accounts
    partners: Partners
    invoices: Invoices
    inbox: Callable[[str], Inbox]  # of the company account with this id
    api_tokens: ApiTokens
    links: RegistrationLinks
    history: History
    expired: Expired
    users: Users
    memberships: Memberships
    sessions: Sessions
    sender_checks: SenderChecks
    warnings: SenderWarnings
    second_looks: SecondLooks
    codes: Codes
    claims: Claims
    desk: Desk
    operators: Operators
    acts: Acts
    throttles: Throttles
    outbox: Outbox
    holds: LegalHolds
    ledger: RetentionLedger
    gate: RetentionGate
    validations: Validations
    soundness: Soundness
    expiries: Expiries
    factors: FactorRecords
    webhooks: Webhooks
    webhook_deliveries: WebhookDeliveries
    would_go: WouldGo


class Store:
    """Records in one SQL database (SQLite or PostgreSQL)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lazy: Engine | None = None
        self._file = database_file(engine)
        self._writer = WriterLock(self._file) if self._file else None
        self._inode = self._file.stat().st_ino if self._file and self._file.exists() else None
        self._intake = Intake(engine, self._turn, octet_log(engine))

    @classmethod
    def open(cls, url: str, master_key: MasterKey | None = None) -> Store:
        """The store at `url`; creates the schema of an empty database.

        `master_key` is what octets outside the database are encrypted with, by way of a key for each mail.
        Raises StorageUnavailable, SchemaMismatch.
        """
        with _named_errors():
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
        with _named_errors():
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
        with _named_errors():
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
        with _named_errors():
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
        with _named_errors(), self._writing(lazily=lazily) as connection:
            yield _records(connection)

    def settle(self) -> None:
        """What was committed lazily, by anybody, is durable on return. Raises StorageUnavailable."""
        if self._file is None:
            with _named_errors(), self._writing() as connection:
                # One that changed nothing would not wait for those before it.
                connection.exec_driver_sql("SELECT txid_current()")
        self.sync_journal()

    def sync_journal(self) -> None:
        """Has the disk take what SQLite's journal holds, in nobody's turn, so that the next commit of somebody who
        waits for the disk finds little left. Raises StorageUnavailable.
        """
        if self._file is not None:
            with _named_errors():
                _sync(self._file.with_name(f"{self._file.name}-wal"))

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A transaction that only reads; it waits for no writer. Raises StorageUnavailable."""
        with _named_errors(), self._reading() as connection:
            yield _records(connection)

    def add_mails(self, mails: Sequence[IncomingMail]) -> list[Receipt]:
        """Queues mails in one transaction, durably; see `Intake.add`. Raises StorageUnavailable."""
        with _named_errors():
            return self._intake.add(mails)

    @property
    def bell(self) -> Bell | None:
        """What wakes workers on other machines; None for SQLite, which has none."""
        return Bell(self._engine) if self._file is None else None

    def free_octets(self) -> None:
        """Gives back the places of deleted mails, in the log of octets and elsewhere. Raises StorageUnavailable.

        Killed in the middle, the next call does the rest; so it does while a backup is made.
        """
        with _named_errors():
            self._free_log()
        self._free_blobs()

    def octets_elsewhere(self, place: BlobPlace | None, limit: int) -> list[str]:
        """Ids of filed mails whose octets do not lie at `place` (None: the database). Raises StorageUnavailable."""
        with _named_errors(), self._reading() as connection:
            return StoredOctets(connection).elsewhere(place.url if place else None, limit)

    def move_octets(self, mail_id: str, place: BlobPlace | None) -> int | None:
        """Brings the octets of a mail to `place` (None: the database); how many, None where nothing was to be done.

        Killed at any moment, they are where they were, or there; a second call does the rest.
        Raises StorageUnavailable, NotFound when they are lost.
        """
        with _named_errors(), self._reading() as connection:
            stored = StoredOctets(connection)
            if place is not None and not stored.is_free(mail_id, place.url):
                return None  # an earlier one lies there, which is to be deleted first
            octets = b"".join(stored.pieces(mail_id))
        if place is not None:
            sealed = self._sealed(mail_id, octets)
            if sealed is None:
                return None  # it was deleted meanwhile
            place.put(mail_id, sealed)
        with _named_errors(), self._writing() as connection:
            stored = StoredOctets(connection)
            if place is None:
                moved = stored.moved_in(mail_id, octets)
            else:
                moved = stored.moved_out(mail_id, place=place.url, octets=octets)
        if not moved and place is not None:
            place.delete([mail_id])  # its mail was deleted meanwhile
        return len(octets) if moved else None

    def _sealed(self, mail_id: str, octets: bytes) -> bytes | None:
        """As they are to lie outside the database; None when the mail is deleted.

        Its key is on record before anything is written with it, and the same for everybody who moves it.
        """
        with _named_errors(), self._reading() as connection:
            if not MailKeys(connection).seals:
                return octets
        with _named_errors(), self._writing() as connection:
            if not StoredOctets(connection).locked(mail_id):
                return None
            key = MailKeys(connection).make(mail_id)
        return seal(key, mail_id, octets)

    def _free_log(self) -> None:
        log = octet_log(self._engine)
        if log is None or self._file is None:
            return
        with ErasingLock(self._file).erasing() as may_erase:
            if not may_erase:
                return
            with self._reading() as connection:
                freed = StoredOctets(connection).freed()
            self.settle()  # what is erased must not come back by a power cut
            log.erase(freed)
            with self._writing() as connection:
                StoredOctets(connection).forget(freed)
                StoredOctets(connection).remove_empty_segments()

    def _free_blobs(self) -> None:
        while True:
            with _named_errors(), self._reading() as connection:
                freed = StoredOctets(connection).freed_blobs(_FREED_AT_ONCE)
            if not freed:
                return
            self.settle()  # the same
            for url in {blob.place for blob in freed}:
                place = open_place(url)
                if place is not None:
                    place.delete([blob.key for blob in freed if blob.place == url])
            with _named_errors(), self._writing() as connection:
                StoredOctets(connection).forget_blobs(freed)

    def back_up(self, writer: BackupWriter, *, now: datetime) -> Manifest:
        """Copies everything as it is at one instant, while others write. Raises StorageUnavailable, NotABackup."""
        with _named_errors():
            if self._file is None:
                contents = of_postgres.back_up(self._engine, writer)
            else:
                with ErasingLock(self._file).keeping():
                    contents = of_sqlite.back_up(self._engine, writer)
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
        with _named_errors():
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
        with _named_errors(), opened_move(url, to) as moving:
            yield moving

    @classmethod
    def abandon_move(cls, url: str) -> bool:
        """Ends a move of the SQLite database at `url` before it was finished; False when there was none.

        Raises StorageUnavailable, SchemaMismatch, Conflict.
        """
        with _named_errors():
            return abandon(url)

    def size(self) -> int:
        """Octets that everything takes on the disk. Raises StorageUnavailable."""
        with _named_errors():
            return size_octets(self._engine)

    def relieve_journal(self) -> None:
        """Brings what SQLite's journal holds into the file while others read and write, so that no commit of theirs
        finds it full and has to. Raises StorageUnavailable.
        """
        if self._file is None:
            return
        with _named_errors(), closing(self._engine.raw_connection()) as pooled:
            _relieve(pooled.driver_connection)

    def forget_journal(self) -> None:
        """Empties SQLite's journal, which has copies of what was deleted; where readers are in the way, the next
        call does it. Raises StorageUnavailable.
        """
        if self._file is None:
            return
        with _named_errors(), closing(self._engine.raw_connection()) as pooled:
            connection: Any = pooled.driver_connection
            # Whoever reads just now is waited for outside the turn, so that others can write meanwhile.
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                for _ in range(_JOURNAL_TRIES):
                    # Within the turn only what came in since is left to do. The file is synced by the time that all
                    # is in it, and a sync of much would hold up everybody.
                    for _ in range(_JOURNAL_TRIES):
                        if _relieve(connection):
                            break
                    with self._turn():
                        [busy, *_] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                    if not busy:
                        break
                    time.sleep(_JOURNAL_PAUSE_SECONDS)
            finally:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")

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
        with _named_errors():
            with self._engine.connect() as connection:
                found = schema.current_version(connection)
            if found is None:
                schema.migrate(self._engine)
                return
        if found != schema.NEWEST:
            raise SchemaMismatch(schema.wrong_version(found))


def _records(connection: Connection) -> Transaction:
    return Transaction(
        mails=ReceivedMails(connection),
        accounts=Accounts(connection),
        partners=Partners(connection),
        invoices=Invoices(connection),
        inbox=partial(Inbox, connection),
        api_tokens=ApiTokens(connection),
        links=RegistrationLinks(connection),
        history=History(connection),
        expired=Expired(connection),
        users=Users(connection),
        memberships=Memberships(connection),
        sessions=Sessions(connection),
        sender_checks=SenderChecks(connection),
        warnings=SenderWarnings(connection),
        second_looks=SecondLooks(connection),
        codes=Codes(connection),
        claims=Claims(connection),
        desk=Desk(connection),
        operators=Operators(connection),
        acts=Acts(connection),
        throttles=Throttles(connection),
        outbox=Outbox(connection),
        holds=LegalHolds(connection),
        ledger=RetentionLedger(connection),
        gate=RetentionGate(connection),
        validations=Validations(connection),
        soundness=Soundness(connection),
        expiries=Expiries(connection),
        factors=FactorRecords(connection),
        webhooks=Webhooks(connection),
        webhook_deliveries=WebhookDeliveries(connection),
        would_go=WouldGo(connection),
    )


def _sync(file: Path) -> None:
    with suppress(FileNotFoundError):
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def _relieve(connection: Any) -> bool:
    """Whether all of the journal is in the file now, and synced: nobody wrote or read older pages meanwhile."""
    [busy, pages, in_file] = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return not busy and bool(pages == in_file)


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except sql.IntegrityError as error:
        if means_unavailable(error.orig):
            raise StorageUnavailable(_first_line(error)) from error
        raise Conflict(_first_line(error)) from error
    except (sql.OperationalError, sql.InterfaceError, sql.InternalError, sql.TimeoutError) as error:
        raise StorageUnavailable(_first_line(error)) from error
    except sql.DBAPIError as error:
        # The bare DatabaseError is SQLite's "file is not a database".
        if error.connection_invalidated or type(error) is sql.DatabaseError:
            raise StorageUnavailable(_first_line(error)) from error
        raise
    except DRIVER_ERRORS as error:
        if means_conflict(error):
            raise Conflict(_first_line(error)) from error
        if means_unavailable(error):
            raise StorageUnavailable(_first_line(error)) from error
        raise
    except OSError as error:
        raise StorageUnavailable(f"{error.filename or 'the database'}: {error.strerror}") from error


def _first_line(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    return str(original).strip().partition("\n")[0]
