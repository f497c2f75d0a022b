"""Everything moves from SQLite to PostgreSQL while mail comes in, and is the same there, whatever is killed."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from ingest.receiving.transfer_key import transfer_digest
from retention.worker import drill
from storage.errors import SchemaMismatch, StorageUnavailable
from storage.moving.rows import copied_tables
from storage.records.filing import Filing
from storage.records.mails import IncomingMail, MailState, Outcome
from storage.store import Store
from tests import making
from tests.commands import Commands
from tests.contract.test_retention import PERIODS
from tests.filed_mails import DAY, file_in_quarantine, file_invoice
from tests.stored import digests_of

SIZES = (9, 20_000, 40_000, 300_000)  # beside SQLite the last two lie in the log of octets


def _rows(url: str) -> dict[str, list[str]]:
    """Every row of every table that both engines have."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            for table in copied_tables()
        }
    engine.dispose()
    return rows


def _mails(count: int) -> list[IncomingMail]:
    mails = []
    for number in range(count):
        octets = os.urandom(SIZES[number % len(SIZES)])
        mails.append(making.incoming(octets, transfer_digest=transfer_digest(octets, making.envelope())))
    return mails


def _filled(url: str) -> None:
    """Something of most kinds: filed, in quarantine, waiting, deleted with its entries in the ledger."""
    for number in range(3):
        file_invoice(url, name=f"Company {number}", addresses=())
    file_in_quarantine(url)
    store = Store.open(url)
    drill(store, PERIODS, making.NOW + 100 * DAY)
    file_invoice(url, name="Another company", addresses=())
    store.add_mails(_mails(12))
    store.close()


def _file(store: Store, mails: list[IncomingMail], expires_at: datetime) -> None:
    filings = [
        Filing(
            mail_id=mail.id,
            outcome=Outcome.NO_INVOICE,
            reason=None,
            message=making.message(),
            received_at=making.NOW,
            expires_at=expires_at,
        )
        for mail in mails
    ]
    with store.transaction() as records:
        records.mails.claim(by="a", now=making.NOW, lease=DAY, limit=1000)
        assert all(records.mails.file(filing, by="a") for filing in filings)


def _elsewhere(commands: Commands, url: str) -> Commands:
    return Commands(commands.environment | {"INVOICES_DATABASE__URL": url}, url)


def _shown(commands: Commands) -> list[object]:
    """What the commands tell of everything, and the documents that they give out."""
    mails, invoices = commands.lines("mail", "list"), commands.lines("list")
    originals = [_original(commands, mail["mail_id"]) for mail in mails if mail["state"] != "deleted"][:4]
    told = [commands.lines("history", invoice["id"]) for invoice in invoices]
    shown = [commands.one("show", invoice["id"]) for invoice in invoices]
    return [mails, invoices, originals, told, shown, commands.lines("link", "list")]


def _original(commands: Commands, mail_id: str) -> bytes:
    file = Path(commands.environment["INVOICES_DATA_DIR"]).with_name(f"{mail_id}.eml")
    assert commands.call("download", mail_id, "--original", "-o", str(file)).exit_code == 0
    octets = file.read_bytes()
    file.unlink()
    return octets


def _without_looks(said: object) -> object:
    """To look at it once more is on record once more."""
    if isinstance(said, list):
        return [
            _without_looks(one)
            for one in said
            if not (isinstance(one, dict) and one.get("event") in {"downloaded", "viewed"})
        ]
    return said


def test_everything_is_the_same_afterwards(
    on_sqlite: Commands, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row, the octets of every mail, and whatever the commands say, `verify` included."""
    monkeypatch.setattr("storage.moving.move.ROWS_AT_ONCE", 4)
    monkeypatch.setattr("storage.moving.move.OCTETS_AT_ONCE", 50_000)
    _filled(on_sqlite.url)
    link = on_sqlite.one("link", "create", "someone@company.example")
    shown = _shown(on_sqlite)  # a download is on record, too, so it comes first
    before = _rows(on_sqlite.url), digests_of(on_sqlite.url)

    copied = on_sqlite.one("move", "--database", postgres_url)
    moved = on_sqlite.one("move", "--database", postgres_url, "--finish")
    there = _elsewhere(on_sqlite, postgres_url)

    assert (copied["finished"], moved["finished"]) == (False, True)
    assert copied["counts"]["received_mail"] == len(before[0]["received_mail"]) == 17
    assert moved["copied"]["rows"] == 0, "the second call has only to follow"
    rows, digests = _rows(postgres_url), digests_of(postgres_url)
    assert [name for name in rows if rows[name] != before[0][name]] == []
    assert digests == before[1]
    assert [_without_looks(one) for one in _shown(there)] == [_without_looks(one) for one in shown]
    assert there.one("verify")["findings"] == 0
    assert link["url"] in [one["url"] for one in there.lines("link", "list")]


def test_a_mailbox_that_has_moved_goes_on(on_sqlite: Commands, postgres_url: str) -> None:
    """New mails and events find their place behind what was there; what is guarded is guarded again."""
    _filled(on_sqlite.url)
    on_sqlite.one("move", "--database", postgres_url, "--finish")

    added = _mails(3)
    store = Store.open(postgres_url)
    store.add_mails(added)
    _file(store, added, making.NOW + 90 * DAY)
    with store.reading() as records:
        missing = records.soundness.missing_guards()
    drill(store, PERIODS, making.NOW + 400 * DAY)
    store.close()

    assert digests_of(postgres_url).keys() & {mail.id for mail in added} == set()
    assert missing == []
    assert _elsewhere(on_sqlite, postgres_url).one("verify")["findings"] == 0


def test_the_old_database_takes_nothing_any_more(on_sqlite: Commands, postgres_url: str) -> None:
    """Whoever still runs on it tells senders to try again, for mail answered 250 there would be lost."""
    running = Store.open(on_sqlite.url)
    running.add_mails(_mails(2))
    on_sqlite.one("move", "--database", postgres_url, "--finish")

    with pytest.raises(StorageUnavailable, match="has moved"):
        running.add_mails(_mails(1))
    with pytest.raises(StorageUnavailable, match="has moved"), running.transaction() as records:
        records.mails.claim(by="a", now=making.NOW, lease=DAY, limit=9)
    running.close()
    with pytest.raises(SchemaMismatch, match=r"set database\.url"):
        Store.open(on_sqlite.url)

    assert "has moved" in on_sqlite.refused("migrate")
    assert "has moved" in on_sqlite.refused("move", "--abandon")
    assert "has moved already" in on_sqlite.refused("move", "--database", postgres_url)


def test_nobody_serves_a_database_that_is_half_there(on_sqlite: Commands, postgres_url: str) -> None:
    """An operator who sets database.url too early is told, and no second truth begins."""
    _filled(on_sqlite.url)
    on_sqlite.one("move", "--database", postgres_url)

    early = _elsewhere(on_sqlite, postgres_url)

    assert "--finish" in early.refused("list")
    assert "--finish" in early.refused("migrate")
    assert on_sqlite.one("status")["mails"]


def test_mail_that_comes_in_meanwhile_moves_too(on_sqlite: Commands, postgres_url: str) -> None:
    """Whatever was answered is there, whatever was killed: the copying at any moment, the finish before its end."""
    answered: dict[str, str] = {}
    refused: list[str] = []
    ended = threading.Event()

    def receive() -> None:
        store = Store.open(on_sqlite.url)
        while not ended.is_set():
            mails = _mails(8)
            try:
                store.add_mails(mails)
                answered.update({mail.id: hashlib.sha256(mail.octets).hexdigest() for mail in mails})
                if len(answered) % 16 == 0:
                    _file(store, mails[:4], making.NOW)
                    _file(store, mails[4:6], making.NOW + 90 * DAY)
                ended.wait(0.1)
                if len(answered) % 160 == 0:
                    drill(store, PERIODS, making.NOW + DAY)
            except StorageUnavailable as error:
                refused.append(str(error))
                ended.wait(0.01)
        store.close()

    _filled(on_sqlite.url)
    receiving = threading.Thread(target=receive)
    receiving.start()
    try:
        for seconds in (1.3, 2.0):
            _killed_after(seconds, on_sqlite, "move", "--database", postgres_url)
        _killed_after(1.6, on_sqlite, "move", "--database", postgres_url, "--finish")
        _finish(on_sqlite, postgres_url)
        give_up_at = time.monotonic() + 30
        while not refused and time.monotonic() < give_up_at:
            time.sleep(0.05)
    finally:
        ended.set()
        receiving.join()
    there = _elsewhere(on_sqlite, postgres_url)
    digests = digests_of(postgres_url)

    deleted = {mail["mail_id"] for mail in there.lines("mail", "list") if mail["state"] == MailState.DELETED}
    assert len(answered) > 50
    assert refused
    assert all("has moved" in reason for reason in refused)
    assert answered.keys() - digests.keys() <= deleted
    assert {
        mail_id: answered[mail_id] for mail_id in answered.keys() & digests.keys()
    }.items() <= digests.items()
    there.program("retention", "run")
    assert there.one("verify")["findings"] == 0


def _killed_after(seconds: float, commands: Commands, *arguments: str) -> None:
    process = subprocess.Popen(
        [Path(sys.executable).with_name("invoices"), *arguments],
        env={"PATH": os.defpath, **commands.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _finish(commands: Commands, url: str) -> None:
    """The end of the move; where a killed call had come to it already, the other database is open."""
    done = commands.call("move", "--database", url, "--finish", "--json")
    assert done.exit_code == 0 or "has moved already" in done.stderr, done.output
