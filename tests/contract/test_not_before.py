"""The database itself keeps what has not had its time, whoever asks; by raw SQL, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import IntegrityError

from retention.worker import Swept, drill
from storage.errors import Conflict
from storage.expiring.retention_records import HoldKind, LedgerEntry, LedgerEvent, LegalHold
from storage.ids import new_id
from storage.records.invoices import InvoiceState
from storage.records.mails import MailState
from storage.store import Store
from tests import making
from tests.contract.test_retention import PERIODS
from tests.filed_mails import Filed, file_invoice

pytestmark = pytest.mark.also_pooled

LARGE = 100_000  # octets: beside SQLite they lie in the log

REFUSED = [
    "DELETE FROM invoice",
    "DELETE FROM received_mail",
    "DELETE FROM mail_octets",
    "DELETE FROM history_event",
    "UPDATE invoice SET content = NULL",
    "UPDATE invoice SET content = '{}'",
    "UPDATE invoice SET state = 'deleted', content = NULL, tombstone_until = received_at",
    "UPDATE invoice SET invoice_number = NULL",
    "UPDATE invoice SET expires_at = received_at",
    "UPDATE invoice SET mail_id = 'another'",
    "UPDATE invoice SET received_at = '2020-01-01 00:00:00'",
    "UPDATE received_mail SET content = NULL",
    "UPDATE received_mail SET reverse_path = NULL",
    "UPDATE received_mail SET forward_paths = '[]'",
    "UPDATE received_mail SET state = 'deleted', tombstone_until = received_at",
    "UPDATE received_mail SET state = 'received'",
    "UPDATE received_mail SET expires_at = received_at",
    "UPDATE received_mail SET expires_at = NULL",
    "UPDATE mail_octets SET mail_id = 'another'",
    "INSERT INTO retention_permit (kind, as_if, ledger_id) VALUES ('drill', '2099-01-01 00:00:00', 1)",
]
REFUSED_ON = {
    "sqlite": [
        "DELETE FROM mail_extent",
        "DELETE FROM octet_segment",
        "UPDATE mail_extent SET mail_id = NULL",
        "INSERT OR REPLACE INTO invoice SELECT * FROM invoice",
        "INSERT OR REPLACE INTO received_mail SELECT * FROM received_mail",
        "INSERT OR REPLACE INTO mail_octets SELECT mail_id, position, x'00' FROM mail_octets",
        "INSERT OR REPLACE INTO mail_extent SELECT * FROM mail_extent",
        "UPDATE mail_octets SET octets = x''",
    ],
    "postgresql": [
        "TRUNCATE invoice",
        "TRUNCATE received_mail CASCADE",
        "TRUNCATE mail_octets",
        "UPDATE mail_octets SET octets = ''",
        "INSERT INTO mail_octets SELECT * FROM mail_octets ON CONFLICT (mail_id, position) DO UPDATE SET octets = ''",
    ],
}


@contextmanager
def _by_hand(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _filed(url: str, store: Store, now: datetime) -> Filed:
    """A small mail with an invoice that is not due by any clock for a while, and a large mail in the queue."""
    filed = file_invoice(url)
    store.add_mails([making.incoming(b"x" * LARGE)])
    later = now + timedelta(days=3650)
    with _by_hand(url) as connection:
        for table in ("invoice", "received_mail"):
            connection.execute(
                text(f"UPDATE {table} SET expires_at = :later WHERE expires_at IS NOT NULL"),  # noqa: S608
                {"later": later.replace(tzinfo=None) if url.startswith("sqlite") else later},
            )
    return filed


def _everything(url: str) -> list[tuple[object, ...]]:
    tables = ("invoice", "received_mail", "mail_octets", "mail_extent", "history_event", "legal_hold")
    with _by_hand(url) as connection:
        return sorted(
            (table, *map(str, row))
            for table in tables
            for row in connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608
        )


def _statements(url: str) -> list[str]:
    return REFUSED + REFUSED_ON[url.partition(":")[0].partition("+")[0]]


def test_nothing_goes_before_its_time_by_any_statement(
    store: Store, database_url: str, now: datetime
) -> None:
    """A bug of ours, a script of an operator's, a hand at the prompt: each is refused, and nothing has changed."""
    _filed(database_url, store, now)
    before = _everything(database_url)
    let_through = []

    for statement in _statements(database_url):
        try:
            with _by_hand(database_url) as connection:
                connection.execute(text(statement))
                if "history_event" not in statement:
                    let_through.append(statement)
        except IntegrityError:
            continue

    assert let_through == []
    assert _everything(database_url) == before


def test_what_is_due_may_be_emptied_and_is_then_a_tombstone(store: Store, database_url: str) -> None:
    """The gate is no wall: by the database's own clock its time has come."""
    filed = file_invoice(database_url)  # due 90 days after a day long gone
    past = "2020-01-01 00:00:00.000000"
    with _by_hand(database_url) as connection:
        due = "UPDATE invoice SET expires_at = '2099-01-01 00:00:00.000000'"
        connection.execute(text(due))

    with pytest.raises(IntegrityError), _by_hand(database_url) as connection:
        connection.execute(text("UPDATE invoice SET state = 'deleted', content = NULL"))
    with store.transaction() as records:
        number = records.ledger.append([_rescheduled()])
        records.gate.open_for_rescheduling(number)
        records.expired._connection.execute(text(f"UPDATE invoice SET expires_at = '{past}'"))  # noqa: S608
        records.gate.close()
    with _by_hand(database_url) as connection:
        connection.execute(text("UPDATE invoice SET state = 'deleted', content = NULL"))

    with store.reading() as records:
        assert records.invoices.get(filed.invoice_id).state is InvoiceState.DELETED
        assert records.mails.get(filed.mail_id).state is MailState.FILED
        assert records.mails.octets(filed.mail_id) == filed.octets


@pytest.mark.parametrize("of", ["invoice", "mail", "account"])
def test_what_is_held_stays_though_its_time_has_come(
    store: Store, database_url: str, now: datetime, of: str
) -> None:
    """Whatever clock the run is told; after the release it goes."""
    filed = file_invoice(database_url)
    subject = {"invoice": filed.invoice_id, "mail": filed.mail_id, "account": filed.account_id}[of]
    hold = LegalHold(
        id=new_id(),
        kind=HoldKind(of),
        subject_id=subject,
        reason="a tax audit",
        set_by="operator",
        set_at=now,
    )
    with store.transaction() as records:
        records.holds.set(hold)

    held = drill(store, PERIODS, now + timedelta(days=1000))
    with store.reading() as records:
        state = records.invoices.get(filed.invoice_id).state
        octets = records.mails.octets(filed.mail_id)
    with store.transaction() as records:
        records.holds.release(subject, by="operator", at=now, reason="the audit is over")
    released = drill(store, PERIODS, now + timedelta(days=1000))

    assert held == Swept()
    assert (state, octets) == (InvoiceState.AVAILABLE, filed.octets)
    assert (released.productive, released.mails) == (1, 1)


def test_a_hold_cannot_be_undone_but_by_its_release(store: Store, database_url: str, now: datetime) -> None:
    """Neither deleted, nor changed, nor released twice, nor set on what is gone."""
    filed = file_invoice(database_url)
    hold = LegalHold(
        id=new_id(),
        kind=HoldKind.INVOICE,
        subject_id=filed.invoice_id,
        reason="a tax audit",
        set_by="operator",
        set_at=now,
    )
    with store.transaction() as records:
        records.holds.set(hold)

    for statement in (
        "DELETE FROM legal_hold",
        "UPDATE legal_hold SET subject_id = 'another'",
        "UPDATE legal_hold SET reason = 'none'",
    ):
        with pytest.raises(IntegrityError), _by_hand(database_url) as connection:
            connection.execute(text(statement))
    with pytest.raises(Conflict, match="held already"), store.transaction() as records:
        records.holds.set(replace(hold, id=new_id()))
    with store.transaction() as records:
        records.holds.release(filed.invoice_id, by="operator", at=now, reason="over")
    with pytest.raises(IntegrityError), _by_hand(database_url) as connection:
        connection.execute(text("UPDATE legal_hold SET released_at = NULL"))
    drill(store, PERIODS, now + timedelta(days=100))

    with pytest.raises(Conflict, match="nothing to hold"), store.transaction() as records:
        records.holds.set(replace(hold, id=new_id()))


def test_tombstones_and_the_ledger_stay_for_their_time_too(
    store: Store, database_url: str, now: datetime
) -> None:
    """They are the proof of the deletion."""
    file_invoice(database_url)
    drill(store, PERIODS, now + timedelta(days=100))
    before = _everything(database_url)

    for statement in (
        "DELETE FROM invoice",
        "DELETE FROM received_mail",
        "UPDATE invoice SET tombstone_until = received_at",
        "UPDATE received_mail SET tombstone_until = received_at",
        "UPDATE invoice SET state = 'available'",
        "DELETE FROM retention_ledger",
        "UPDATE retention_ledger SET rule = 'another'",
    ):
        with pytest.raises(IntegrityError), _by_hand(database_url) as connection:
            connection.execute(text(statement))

    assert _everything(database_url) == before


def _rescheduled() -> LedgerEntry:
    return LedgerEntry(
        at=making.NOW,
        event=LedgerEvent.RESCHEDULED,
        subject_id=None,
        rule="a test",
        content_digest=None,
        keep_until=making.NOW,
    )
