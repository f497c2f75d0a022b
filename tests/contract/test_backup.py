"""A backup made while everything runs is whole, and a store made of it holds the same, octet for octet."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, select

from retention.worker import drill
from storage.blobs.erasing import ErasingLock
from storage.records.filing import Filing
from storage.records.mails import IncomingMail, MailState, Outcome
from storage.store import Store
from tests import making
from tests.commands import Commands
from tests.contract.test_retention import DAY, PERIODS
from tests.filed_mails import file_in_quarantine, file_invoice
from tests.stored import digests_of

SIZES = (9, 20_000, 40_000, 300_000)  # beside SQLite the last two lie in the log of octets


def _restored(commands: Commands, url: str) -> Commands:
    return Commands(commands.environment | {"INVOICES_DATABASE__URL": url}, url)


def _rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but where octets lie in the log, which is compared by what it holds."""
    engine = create_engine(url)
    found = MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        rows = {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in found.sorted_tables
        }
    engine.dispose()
    return rows


def _mails(count: int) -> list[IncomingMail]:
    return [making.incoming(os.urandom(SIZES[number % len(SIZES)])) for number in range(count)]


def _expire(store: Store, mails: list[IncomingMail]) -> None:
    """Files mails whose time is over at once."""
    with store.transaction() as records:
        records.mails.claim(by="a", now=making.NOW, lease=DAY, limit=100_000)
        for mail in mails:
            filing = Filing(
                mail_id=mail.id,
                outcome=Outcome.NO_INVOICE,
                reason=None,
                message=making.message(),
                received_at=making.NOW,
                expires_at=making.NOW,
            )
            assert records.mails.file(filing, by="a")


def test_what_is_restored_is_what_was_backed_up(
    commands: Commands, another: Callable[[], str], tmp_path: Path
) -> None:
    """Every row of every table and the octets of every mail; from a folder and from a tar file."""
    file_invoice(commands.url)
    file_in_quarantine(commands.url)
    store = Store.open(commands.url)
    store.add_mails(_mails(12))
    store.close()

    made = commands.one("backup", "-o", str(tmp_path / "kept"))
    commands.one("backup", "-o", str(tmp_path / "kept.tar"))
    restored = [_restored(commands, another()) for _ in range(2)]
    said = [
        one.one("restore", str(tmp_path / name))
        for one, name in zip(restored, ("kept", "kept.tar"), strict=True)
    ]

    assert (made["mails"], made["invoices"]) == (14, 1)
    assert [one["mails"] for one in said] == [14, 14]
    for one in restored:
        assert _rows(one.url) == _rows(commands.url)
        assert digests_of(one.url) == digests_of(commands.url)
        assert one.one("status")["mails"] == commands.one("status")["mails"]


def test_a_restored_store_goes_on(commands: Commands, another: Callable[[], str], tmp_path: Path) -> None:
    """New mails and events find their place behind what was there."""
    file_invoice(commands.url)
    commands.one("backup", "-o", str(tmp_path / "kept"))
    restored = _restored(commands, another())
    restored.one("restore", str(tmp_path / "kept"))
    added = _mails(4)

    store = Store.open(restored.url)
    store.add_mails(added)
    store.close()

    digests = digests_of(restored.url)
    assert [digests[mail.id] for mail in added] == [hashlib.sha256(mail.octets).hexdigest() for mail in added]
    assert restored.one("status")["queued"] == 4


def test_a_backup_under_load_holds_whole_mails(
    commands: Commands, another: Callable[[], str], tmp_path: Path
) -> None:
    """Everything that was answered before it began, nothing by halves, while mails come in and retention deletes."""
    sent: dict[str, str] = {}
    answered: list[str] = []
    ended = threading.Event()

    def send() -> None:
        store = Store.open(commands.url)
        while not ended.is_set():
            mails = _mails(8)
            sent.update({mail.id: hashlib.sha256(mail.octets).hexdigest() for mail in mails})
            store.add_mails(mails)
            answered.extend(mail.id for mail in mails)
            if len(answered) % 40 == 0:
                _expire(store, mails)
                drill(store, PERIODS, making.NOW + DAY)
        store.close()

    Store.open(commands.url).close()
    sender = threading.Thread(target=send)
    sender.start()
    restored = []
    try:
        for number in range(3):
            before, kept = list(answered), tmp_path / f"kept{number}.tar"
            commands.program("backup", "-o", str(kept))
            restored.append((before, _restored(commands, another()), kept))
    finally:
        ended.set()
        sender.join()

    for before, one, path in restored:
        one.one("restore", str(path))
        digests = digests_of(one.url)
        deleted = {
            mail["mail_id"] for mail in one.lines("mail", "list") if mail["state"] == MailState.DELETED
        }
        assert set(before) - digests.keys() <= deleted
        assert {mail_id: sent[mail_id] for mail_id in digests} == digests


def test_nothing_is_erased_while_a_backup_reads(tmp_path: Path) -> None:
    """Retention deletes all the same; the place on the disk is given back by its next run."""
    store = Store.open(f"sqlite:///{tmp_path / 'invoices.db'}")
    mail = making.incoming(os.urandom(300_000))
    store.add_mails([mail])
    _expire(store, [mail])
    [segment] = (tmp_path / "invoices.db-octets").iterdir()

    with ErasingLock(tmp_path / "invoices.db").keeping():
        drill(store, PERIODS, making.NOW + DAY)
        meanwhile = segment.read_bytes()
    drill(store, PERIODS, making.NOW + DAY)

    assert mail.octets == meanwhile
    assert mail.octets not in segment.read_bytes()
    store.close()


def test_nothing_is_overwritten(commands: Commands, tmp_path: Path) -> None:
    """Neither an older backup nor a store with mail in it."""
    file_invoice(commands.url)
    commands.one("backup", "-o", str(tmp_path / "kept"))

    again = commands.refused("backup", "-o", str(tmp_path / "kept"))
    over = commands.refused("restore", str(tmp_path / "kept"))

    assert "a backup overwrites nothing" in again
    assert "a restore overwrites nothing" in over
    assert commands.one("status")["invoices"] == {"available productive": 1}


@pytest.mark.parametrize("damage", ["changed", "missing", "no manifest"])
def test_a_damaged_backup_is_not_restored(
    commands: Commands, another: Callable[[], str], tmp_path: Path, damage: str
) -> None:
    """It is told before anything is written."""
    file_invoice(commands.url)
    commands.one("backup", "-o", str(tmp_path / "kept"))
    victim = next(file for file in sorted((tmp_path / "kept").rglob("*.0001")) if file.stat().st_size)
    if damage == "changed":
        victim.write_bytes(victim.read_bytes()[:-1] + b"!")
    elif damage == "missing":
        victim.unlink()
    else:
        (tmp_path / "kept" / "manifest.json").unlink()
    restored = _restored(commands, another())

    said = restored.refused("restore", str(tmp_path / "kept"))
    checked = restored.refused("restore", "--check", str(tmp_path / "kept"))

    assert str(tmp_path / "kept") in said
    assert said == checked
    assert restored.call("status").exit_code == 0, "an empty store, made just now"
    assert restored.lines("list") == []


def test_a_backup_may_go_into_a_pipe(on_sqlite: Commands, tmp_path: Path) -> None:
    """To be encrypted, or sent to another machine, without lying here first."""
    file_invoice(on_sqlite.url)
    kept = tmp_path / "piped.tar"

    kept.write_bytes(_standard_output(on_sqlite, "backup", "-o", "-"))

    assert on_sqlite.one("restore", "--check", str(kept))["invoices"] == 1
    with tarfile.open(kept) as tar:
        assert tar.getnames()[-1] == "manifest.json"


def _standard_output(commands: Commands, *arguments: str) -> bytes:
    done = subprocess.run(
        [Path(sys.executable).with_name("invoices"), *arguments],
        env={"PATH": os.defpath, **commands.environment},
        capture_output=True,
        check=True,
    )
    return done.stdout


def test_the_key_of_the_links_goes_apart(on_sqlite: Commands, tmp_path: Path) -> None:
    """A stolen backup opens no link; with the key beside it the links show again."""
    link = on_sqlite.one("link", "create", "someone@company.example")
    kept, key = tmp_path / "kept", tmp_path / "key"
    on_sqlite.one("backup", "-o", str(kept), "--link-key", str(key))
    secret = key.read_text().strip()
    elsewhere = _restored(on_sqlite, f"sqlite:///{tmp_path / 'elsewhere' / 'invoices.db'}")
    elsewhere.environment["INVOICES_DATA_DIR"] = str(tmp_path / "elsewhere")

    elsewhere.one("restore", str(kept), "--link-key", str(key))

    assert [one["url"] for one in elsewhere.lines("link", "list")] == [link["url"]]
    octets = b"".join(file.read_bytes() for file in kept.rglob("*") if file.is_file())
    assert secret.encode() not in octets
    assert bytes.fromhex(secret) not in octets
    assert link["url"].rpartition("/")[2].encode() not in octets
    assert key.stat().st_mode & 0o777 == 0o600


def test_what_has_expired_since_is_told(
    commands: Commands, another: Callable[[], str], tmp_path: Path
) -> None:
    """A restore brings back what retention had deleted; the operator hears of it."""
    file_invoice(commands.url)
    commands.one("backup", "-o", str(tmp_path / "kept"))
    restored = _restored(commands, another())

    said = restored.one("restore", str(tmp_path / "kept"))

    assert set(said["retention_due"]) == {"invoices", "mails"}


def test_octets_that_lie_elsewhere_are_told(
    commands: Commands, another: Callable[[], str], tmp_path: Path
) -> None:
    """They are not in the backup; with their folder still there the restored store has them all the same."""
    filed = file_invoice(commands.url)
    commands.program("move", "--to", f"file://{tmp_path / 'octets'}")

    made = commands.one("backup", "-o", str(tmp_path / "kept"))
    restored = _restored(commands, another())
    restored.one("restore", str(tmp_path / "kept"))

    assert made["mails_elsewhere"] == 1
    assert "back that up, too" in commands.call("restore", "--check", str(tmp_path / "kept")).output
    assert digests_of(restored.url) == {filed.mail_id: hashlib.sha256(filed.octets).hexdigest()}
