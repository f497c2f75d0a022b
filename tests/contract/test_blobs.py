"""The octets of filed mails may live in a folder or a bucket: whole, once, and gone when their time has come."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from ingest.processing.keeper import Keeper
from retention.worker import drill
from storage.blobs.place import BlobPlace, open_place
from storage.errors import NotFound, StorageUnavailable
from storage.records.filing import Filing
from storage.records.mails import IncomingMail, Outcome
from storage.store import Store
from tests import making
from tests.commands import commands_on
from tests.contract.test_retention import PERIODS
from tests.object_store import BUCKET, object_store
from tests.statements import counted_statements

pytestmark = pytest.mark.also_pooled

DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def s3_environment() -> Iterator[dict[str, str]]:
    """A real S3 server of this test process."""
    with object_store() as environment:
        yield environment


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BlobPlace:
    """An empty place of each kind."""
    url = (tmp_path / "blobs").as_uri()
    if request.param == "bucket":
        for name, value in request.getfixturevalue("s3_environment").items():
            monkeypatch.setenv(name, value)
        url = f"s3://{BUCKET}/{tmp_path.name}"
        open_place.cache_clear()  # a bucket that was opened before knows another server
    opened = open_place(url)
    assert opened is not None
    return opened


def _filed(store: Store, octets: bytes) -> IncomingMail:
    """A mail that is on record, and expires at once."""
    mail = making.incoming(octets)
    store.add_mails([mail])
    filing = Filing(
        mail_id=mail.id,
        outcome=Outcome.NO_INVOICE,
        reason=None,
        message=making.message(),
        received_at=making.NOW,
        expires_at=making.NOW,
    )
    with store.transaction() as records:
        records.mails.claim(by="a", now=making.NOW, lease=DAY, limit=9)
        assert records.mails.file(filing, by="a")
    return mail


def _octets(store: Store, mail: IncomingMail) -> bytes:
    with store.reading() as records:
        return records.mails.octets(mail.id)


def test_octets_move_out_and_back_again(store: Store, place: BlobPlace) -> None:
    """Small ones, large ones and none at all; wherever they are, they read the same."""
    mails = [_filed(store, octets) for octets in (b"small", os.urandom(600_000), b"")]

    out = [store.octets.move(mail.id, place) for mail in mails]
    there = [_octets(store, mail) for mail in mails]
    left = store.octets.elsewhere(place, 9)
    back = [store.octets.move(mail.id, None) for mail in mails]
    store.octets.free()

    assert out == back == [5, 600_000, 0]
    assert there == [_octets(store, mail) for mail in mails] == [mail.octets for mail in mails]
    assert left == []
    with pytest.raises(NotFound):
        place.get(mails[0].id)


def test_what_moved_out_is_no_longer_in_the_database(store: Store, place: BlobPlace, tmp_path: Path) -> None:
    """It is one copy: nothing else is to be found and deleted later."""
    mail = _filed(store, os.urandom(600_000))

    store.octets.move(mail.id, place)
    store.octets.free()

    database = [file for file in tmp_path.rglob("*") if file.is_file() and "blobs" not in file.parts]
    assert not any(mail.octets[-500:] in file.read_bytes() for file in database)
    assert place.get(mail.id) == mail.octets


def test_retention_deletes_them_where_they_are(store: Store, place: BlobPlace) -> None:
    """An expired mail leaves no object behind."""
    doomed, kept = _filed(store, b"doomed"), making.incoming(b"kept")
    store.add_mails([kept])
    store.octets.move(doomed.id, place)

    drill(store, PERIODS, making.NOW + DAY)

    with pytest.raises(NotFound):
        place.get(doomed.id)
    assert _octets(store, kept) == b"kept"


def test_a_mail_that_is_moved_twice_is_there_once(store: Store, place: BlobPlace) -> None:
    """Two workers may take the same mail, and one may die between writing the object and noting it."""
    mail = _filed(store, b"twice")
    place.put(mail.id, b"half of it")  # what a killed one left

    store.octets.move(mail.id, place)
    store.octets.move(mail.id, place)

    assert _octets(store, mail) == b"twice"


def test_a_damaged_object_is_told_and_not_given_out(store: Store, place: BlobPlace) -> None:
    """The digest is in the database, which the object store knows nothing of."""
    mail = _filed(store, b"as it came")
    store.octets.move(mail.id, place)

    place.put(mail.id, b"as it came?")

    with pytest.raises(NotFound, match="damaged"):
        _octets(store, mail)


def test_many_mails_move_in_as_many_statements_as_two(store: Store, place: BlobPlace) -> None:
    """Mail by mail each took some eighteen round trips, and a busy node fell behind; they read as they came."""
    mails = [_filed(store, b"%d" % number * 100) for number in range(10)] + [_filed(store, b"")]
    few, many = [mail.id for mail in mails[:2]], [mail.id for mail in mails[2:]]

    with counted_statements(store) as of_few:
        store.octets.move_together(few, place)
    with counted_statements(store) as of_many:
        moved = store.octets.move_together(many, place)

    assert len(of_many) == len(of_few)
    assert moved == {mail.id: len(mail.octets) for mail in mails[2:]}
    assert [_octets(store, mail) for mail in mails] == [mail.octets for mail in mails]
    assert store.octets.elsewhere(place, 9) == []


def test_mails_that_move_together_each_keep_their_own_fate(store: Store, place: BlobPlace) -> None:
    """One has to wait, one is there already, one is unknown; the others move, and nothing is left of it twice."""
    waits, there, moves = (_filed(store, octets) for octets in (b"waits", b"there", b"moves"))
    store.octets.move(waits.id, place)
    store.octets.move(waits.id, None)
    store.octets.move(there.id, place)

    moved = store.octets.move_together([moves.id, "unknown", there.id, waits.id], place)
    store.octets.free()

    assert moved == {moves.id: 5, there.id: 5}
    assert [_octets(store, mail) for mail in (waits, there, moves)] == [b"waits", b"there", b"moves"]
    assert store.octets.elsewhere(place, 9) == [waits.id]


def test_octets_go_from_place_to_place(store: Store, place: BlobPlace, tmp_path: Path) -> None:
    """A second place may be tried while the first still holds everything."""
    other = open_place((tmp_path / "other").as_uri())
    assert other is not None
    mail = _filed(store, b"on the move")
    store.octets.move(mail.id, place)

    store.octets.move(mail.id, other)
    store.octets.free()

    assert _octets(store, mail) == other.get(mail.id) == b"on the move"
    with pytest.raises(NotFound):
        place.get(mail.id)


def test_what_still_has_to_be_deleted_at_a_place_is_not_written_there(store: Store, place: BlobPlace) -> None:
    """Else the deletion, which comes later, would take the new object with it."""
    mail = _filed(store, b"to and fro")
    store.octets.move(mail.id, place)
    store.octets.move(mail.id, None)

    moved = store.octets.move(mail.id, place)
    store.octets.free()

    assert moved is None
    assert _octets(store, mail) == b"to and fro"
    assert store.octets.move(mail.id, place) == len(b"to and fro")


def test_the_database_does_not_let_octets_go_that_are_nowhere_else(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    """Whoever asks: our own code with a bug in it, or a hand at the prompt."""
    folder = open_place((tmp_path / "blobs").as_uri())
    inside, outside = _filed(store, b"inside"), _filed(store, b"outside")
    store.octets.move(outside.id, folder)

    engine = create_engine(database_url)
    for statement, mail in (
        ("DELETE FROM mail_octets WHERE mail_id = :id", inside),
        ("DELETE FROM mail_blob WHERE mail_id = :id", outside),
        ("UPDATE mail_blob SET mail_id = NULL WHERE mail_id = :id", outside),
        ("UPDATE mail_blob SET sha256 = 'x' WHERE mail_id = :id", outside),
    ):
        with pytest.raises(DBAPIError, match=r"stay until|never changes"), engine.begin() as connection:
            connection.execute(text(statement), {"id": mail.id})
    engine.dispose()

    assert (_octets(store, inside), _octets(store, outside)) == (b"inside", b"outside")


def test_a_folder_that_is_not_mounted_is_away_and_not_empty(store: Store, tmp_path: Path) -> None:
    """Trouble that passes must not be taken for a loss, nor a deletion for done."""
    folder = open_place((tmp_path / "blobs").as_uri())
    mail = _filed(store, b"there")
    store.octets.move(mail.id, folder)
    shutil.move(tmp_path / "blobs", tmp_path / "unmounted")

    with pytest.raises(StorageUnavailable):
        _octets(store, mail)
    with pytest.raises(StorageUnavailable):
        drill(store, PERIODS, making.NOW + DAY)

    shutil.move(tmp_path / "unmounted", tmp_path / "blobs")
    drill(store, PERIODS, making.NOW + DAY)
    assert not any(file.is_file() for file in (tmp_path / "blobs").rglob("*"))


def test_a_bucket_that_cannot_be_reached_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence that names it, and no secret."""
    monkeypatch.setattr("storage.blobs.bucket._RETRIES", {"max_retries": 0})
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "hidden",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    open_place.cache_clear()
    bucket = open_place("s3://mails/away")
    assert bucket is not None

    with pytest.raises(StorageUnavailable) as caught:
        bucket.put("key", b"octets")

    assert "s3://mails/away" in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://x/y", "file://host/folder", "s3://", "/var/blobs", "s3://b/p?x=1"])
def test_other_urls_are_no_places(url: str) -> None:
    """Told at the start, not by the first mail."""
    with pytest.raises(ValueError, match="expected"):
        open_place(url)


def test_the_daemon_brings_filed_mails_to_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From SMTP to the file; and `invoices move` brings them back, octet for octet."""
    commands = commands_on(f"sqlite:///{tmp_path / 'invoices.db'}", tmp_path, monkeypatch)
    mail = tmp_path / "mail.eml"
    mail.write_bytes(b"Subject: no invoice\r\n\r\nBut kept.\r\n")
    [replayed] = commands.program("replay", str(mail), "--to", "a@company.example")
    store = Store.open(commands.url)
    folder = open_place((tmp_path / "blobs").as_uri())
    assert folder is not None
    keeper = Keeper(store, folder)

    keeper.start()
    while store.octets.elsewhere(folder, 1):
        time.sleep(0.01)
    keeper.stop()
    there = folder.get(replayed["mail_id"])
    moved = commands.one("move", "--to", "database:")
    with store.reading() as records:
        back = records.mails.octets(replayed["mail_id"])
    store.close()

    assert there == back == mail.read_bytes()
    assert moved == {"moved": 1, "octets": len(there), "to": "database:", "lost": []}
