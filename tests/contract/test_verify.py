"""`invoices verify` finds what hands do to a database, and nothing in one that only our code has written to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text

from ingest.receiving.transfer_key import transfer_digest
from retention.verification import Check
from retention.worker import drill
from storage.expiring.soundness import POSTGRESQL_TRIGGERS
from storage.records.invoices import Environment
from storage.store import Store
from tests import making
from tests.commands import Commands
from tests.contract.test_retention import PERIODS
from tests.filed_mails import file_invoice

LARGE = 100_000
Damage = Callable[[Connection], None]


def _fill(commands: Commands) -> None:
    """Two invoices on record, one that a drill has deleted, a large mail in the queue; each as it comes in."""
    file_invoice(commands.url)
    file_invoice(commands.url, name="Other", addresses=())
    file_invoice(commands.url, name="Third", addresses=(), environment=Environment.TEST)
    store = Store.open(commands.url)
    drill(store, PERIODS, making.NOW + timedelta(days=31))
    octets = os.urandom(LARGE)
    store.add_mails([making.incoming(octets, transfer_digest=transfer_digest(octets, making.envelope()))])
    store.close()


def _found(commands: Commands, *options: str) -> list[str]:
    done = commands.call("verify", "--json", *options)
    lines = done.stdout.splitlines()
    assert done.exit_code == (1 if len(lines) > 1 else 0), done.output
    return [Check(line.split('"check": "')[1].split('"')[0]) for line in lines[:-1]]


def test_nothing_is_wrong_with_what_only_we_wrote(commands: Commands) -> None:
    """Before and after deletions, a hold, and the end of the tombstones."""
    _fill(commands)
    [invoice, *_] = commands.lines("list", "--environment", "productive")
    commands.one("hold", "set", invoice["id"], "--reason", "a tax audit")
    assert _found(commands) == []

    for days in (91, 500, 900, 1300):
        store = Store.open(commands.url)
        drill(store, PERIODS, making.NOW + timedelta(days=days))
        store.close()

        assert _found(commands) == []


def _without_guards(connection: Connection) -> list[str]:
    """Takes the triggers away, as somebody must who wants to write by hand; gives what makes them again."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET session_replication_role = replica"))
        return []
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for name, _ in rows:
        connection.execute(text(f"DROP TRIGGER {name}"))
    return [made for _, made in rows]


DAMAGES: dict[str, tuple[str | tuple[str, ...], set[Check]]] = {
    "an entry of the ledger changed": (
        "UPDATE retention_ledger SET rule = 'another' WHERE id = 2",
        {Check.LEDGER_BROKEN},
    ),
    "an entry taken out of the ledger": (
        "DELETE FROM retention_ledger WHERE id = 2",
        {Check.LEDGER_BROKEN, Check.LEDGER_SHORT, Check.NOT_IN_LEDGER},
    ),
    "the end of the ledger cut off": (
        "DELETE FROM retention_ledger WHERE id >= 2",
        {Check.LEDGER_SHORT, Check.NOT_IN_LEDGER},
    ),
    "the beginning of the ledger cut off": (
        "DELETE FROM retention_ledger WHERE id = 1",
        {Check.LEDGER_BROKEN},
    ),
    "an invoice emptied early": (
        "UPDATE invoice SET content = NULL WHERE state = 'available'",
        {Check.CONTENT_MISSING},
    ),
    "an invoice deleted without a trace": (
        (
            "UPDATE invoice SET state = 'deleted', content = NULL, evidence = NULL, same_invoice = NULL,"
            " deleted_at = '2099-01-01 00:00:00', tombstone_until = '2099-01-01 00:00:00' WHERE state = 'available'"
        ),
        {Check.NOT_IN_LEDGER},
    ),
    "a tombstone taken away": ("DELETE FROM invoice WHERE state = 'deleted'", {Check.TOMBSTONE_MISSING}),
    "content put back": ("UPDATE invoice SET content = '{}' WHERE state = 'deleted'", {Check.HALF_DELETED}),
    "a deleted invoice made available": (
        (
            "UPDATE invoice SET state = 'available', content = '{}', expires_at = '2099-01-01 00:00:00'"
            " WHERE state = 'deleted'"
        ),
        {Check.CAME_BACK, Check.MAIL_MISSING, Check.EXPIRY_CHANGED},
    ),
    "a mail taken away": (
        (
            "DELETE FROM mail_octets WHERE mail_id IN (SELECT mail_id FROM invoice)",
            (
                "DELETE FROM history_event WHERE mail_id IN (SELECT mail_id FROM invoice WHERE state = 'available')"
                " AND invoice_id IS NULL"
            ),
            "DELETE FROM received_mail WHERE state = 'filed'",
        ),
        {Check.MAIL_MISSING},
    ),
    "octets taken away": ("DELETE FROM mail_octets", {Check.OCTETS_MISSING}),
    "octets changed": (
        (
            "UPDATE mail_octets SET octets = (SELECT octets FROM mail_octets ORDER BY mail_id DESC LIMIT 1)"
            " WHERE position = 0 AND length(octets) = 36"
        ),
        {Check.OCTETS_DAMAGED},
    ),
    "octets cut short": (
        "DELETE FROM mail_octets WHERE position = 0 AND length(octets) > 36",
        {Check.OCTETS_DAMAGED},
    ),
    "octets of nobody": (
        "INSERT INTO mail_octets (mail_id, position, octets) SELECT 'nobody', 0, octets FROM mail_octets LIMIT 1",
        {Check.OCTETS_LEFT_OVER},
    ),
    "the beginning of a history taken away": (
        "DELETE FROM history_event WHERE event = 'received'",
        {Check.HISTORY_MISSING},
    ),
    "an expiry put off": (
        "UPDATE invoice SET expires_at = '2099-01-01 00:00:00' WHERE state = 'available'",
        {Check.EXPIRY_CHANGED},
    ),
    "an expiry long past": (
        "UPDATE invoice SET expires_at = '2020-01-01 00:00:00' WHERE state = 'available'",
        {Check.EXPIRY_CHANGED, Check.OVERDUE},
    ),
    "the gate left open": (
        "INSERT INTO retention_permit (kind, as_if, ledger_id) VALUES ('drill', '2020-01-01 00:00:00', 1)",
        {Check.GATE_OPEN},
    ),
}
"""What is done by hand, and what of it must be found."""


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_hand_did_is_found(commands: Commands, damage: str) -> None:
    """By somebody who took the triggers away first, and put them back."""
    _fill(commands)
    done, expected = DAMAGES[damage]
    engine = create_engine(commands.url)
    with engine.begin() as connection:
        guards = _without_guards(connection)
        for statement in (done,) if isinstance(done, str) else done:
            connection.execute(text(statement))
        for guard in guards:
            connection.execute(text(guard))
    engine.dispose()

    found = set(_found(commands))

    if damage == "octets cut short" and commands.url.startswith("sqlite"):
        expected = set()  # there the large mail lies in the log
    assert found == expected


def test_every_trigger_of_postgresql_is_known_to_verify(postgres_url: str) -> None:
    """SQLite's are compared with what the migrations make; of PostgreSQL's there is a list."""
    Store.open(postgres_url).close()
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        there = set(connection.scalars(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")))
    engine.dispose()

    assert there == POSTGRESQL_TRIGGERS


def test_a_missing_or_weaker_guard_is_found(commands: Commands) -> None:
    """Also one of the same name that does nothing."""
    _fill(commands)
    engine = create_engine(commands.url)
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE invoice DISABLE TRIGGER invoice_stays"))
            connection.execute(text("DROP TRIGGER mail_stays ON received_mail"))
        else:
            connection.execute(text("DROP TRIGGER invoice_stays_update"))
            connection.execute(text("DROP TRIGGER mail_stays_delete"))
            connection.execute(
                text("CREATE TRIGGER mail_stays_delete BEFORE DELETE ON received_mail BEGIN SELECT 1; END")
            )
    engine.dispose()

    assert _found(commands) == [Check.GUARD_MISSING, Check.GUARD_MISSING]


def test_octets_in_a_folder_are_verified_too(on_sqlite: Commands, tmp_path: Path) -> None:
    """What lies outside the database is read back, and a file that is gone is missed."""
    _fill(on_sqlite)
    place = tmp_path / "blobs"
    on_sqlite.environment["INVOICES_BLOBS__URL"] = place.as_uri()
    on_sqlite.one("move")
    whole = _found(on_sqlite)
    [first, *_] = sorted(file for file in place.rglob("*") if file.is_file())
    first.write_bytes(b"another")
    damaged = _found(on_sqlite)
    first.unlink()

    assert whole == []
    assert damaged == [Check.OCTETS_MISSING]
    assert _found(on_sqlite) == [Check.OCTETS_MISSING]


def test_damage_of_the_log_of_octets_is_found(on_sqlite: Commands, tmp_path: Path) -> None:
    """A file that nobody knows, one octet that flipped, and a file that is gone."""
    _fill(on_sqlite)
    folder = tmp_path / "invoices.db-octets"
    [segment] = folder.iterdir()
    shutil.copy(segment, folder / "stray")
    stray = _found(on_sqlite)
    (folder / "stray").unlink()
    with segment.open("r+b") as file:
        file.seek(LARGE // 2)
        octet = file.read(1)[0]
        file.seek(LARGE // 2)
        file.write(bytes([octet ^ 1]))
    flipped = _found(on_sqlite)
    quick = _found(on_sqlite, "--quick")
    segment.unlink()

    assert stray == [Check.FILE_LEFT_OVER]
    assert flipped == [Check.OCTETS_DAMAGED]
    assert quick == [], "it does not read them"
    assert _found(on_sqlite) == [Check.OCTETS_MISSING]
