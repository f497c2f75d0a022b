"""Octets outside the database may be encrypted, each mail with a key of its own that goes with it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from config.load import load
from config.octet_key import octet_key
from retention.verification import verify
from retention.worker import drill
from storage.blobs.mail_keys import MailKeys
from storage.blobs.place import BlobPlace, open_place
from storage.blobs.sealing import MasterKey
from storage.errors import NotFound, StorageUnavailable
from storage.records.mails import IncomingMail, ReceivedMail
from storage.store import Store
from storage.tables.mails import MailKeyRow
from tests import making
from tests.contract.test_blobs import _filed as filed
from tests.contract.test_retention import PERIODS

MASTER = MasterKey(bytes(range(32)))
SECRET = b"Rechnung R-4711 " * 20_000


@pytest.fixture
def sealing(database_url: str) -> Iterator[Store]:
    """An empty store that encrypts."""
    opened = Store.open(database_url, MASTER)
    yield opened
    opened.close()


@pytest.fixture
def place(tmp_path: Path) -> BlobPlace:
    """An empty folder for octets."""
    opened = open_place((tmp_path / "blobs").as_uri())
    assert opened is not None
    return opened


def _octets(store: Store, mail: IncomingMail) -> bytes:
    with store.reading() as records:
        return records.mails.octets(mail.id)


def _digest(_: ReceivedMail, octets: bytes) -> bytes:
    """The transfer digest as tests/making.py makes it."""
    return hashlib.sha256(octets).digest()


def _keys(store: Store) -> int:
    with store._reading() as connection:
        return len(connection.execute(MailKeyRow.__table__.select()).all())  # type: ignore[attr-defined]  # a Table


def test_what_lies_outside_is_encrypted_and_reads_as_before(sealing: Store, place: BlobPlace) -> None:
    """Moved out, from place to place, and back; verified; and a second move has nothing to do."""
    contents = [SECRET, b"", os.urandom(600_000)]
    mails = [filed(sealing, octets) for octets in contents]
    for mail in mails:
        sealing.octets.move(mail.id, place)

    found = [place.get(mail.id) for mail in mails]
    left = sealing.octets.elsewhere(place, 9)
    read = [_octets(sealing, mail) for mail in mails]
    findings = [str(one) for one in verify(sealing, making.NOW, _digest)]
    for mail in mails:
        sealing.octets.move(mail.id, None)

    assert b"R-4711" not in b"".join(found)
    assert all(one != octets for one, octets in zip(found, read, strict=True))
    assert left == []
    assert read == contents == [_octets(sealing, mail) for mail in mails]
    assert [one for one in findings if "octets-" in one] == []


def test_deleting_a_mail_makes_every_copy_of_it_unreadable(sealing: Store, place: BlobPlace) -> None:
    """A bucket keeps versions, a folder has backups: they hold what nobody can open any more."""
    mail = filed(sealing, SECRET)
    sealing.octets.move(mail.id, place)
    copy = place.get(mail.id)
    before = _keys(sealing)

    drill(sealing, PERIODS, making.NOW)

    assert (before, _keys(sealing)) == (1, 0)
    assert b"R-4711" not in copy
    with sealing._reading() as connection:
        assert MailKeys(connection).get(mail.id) is None


def test_a_key_stays_until_the_time_of_its_mail_has_come(sealing: Store, place: BlobPlace) -> None:
    """Deleting it would delete the mail: the database refuses, whoever asks."""
    mail = filed(sealing, SECRET)
    sealing.octets.move(mail.id, place)

    for statement in ("DELETE FROM mail_key", "UPDATE mail_key SET mail_id = 'x'"):
        with pytest.raises(DBAPIError, match="key of a mail"), sealing._writing() as connection:
            connection.exec_driver_sql(statement)


def test_what_was_changed_outside_is_noticed(sealing: Store, place: BlobPlace) -> None:
    """As it is without encryption."""
    mail = filed(sealing, SECRET)
    sealing.octets.move(mail.id, place)
    found = bytearray(place.get(mail.id))
    found[1000] ^= 1
    place.put(mail.id, bytes(found))

    with pytest.raises(NotFound, match="damaged"):
        _octets(sealing, mail)


def test_without_the_right_master_key_nothing_is_lost(
    sealing: Store, database_url: str, place: BlobPlace
) -> None:
    """It is trouble of ours and no damage: with the key back all is there."""
    mail = filed(sealing, SECRET)
    sealing.octets.move(mail.id, place)

    for key in (None, MasterKey(bytes(32))):
        other = Store.open(database_url, key)
        with pytest.raises(StorageUnavailable, match="key"):
            _octets(other, mail)
        other.close()
    assert _octets(sealing, mail) == SECRET


def test_what_lay_there_before_is_encrypted_by_the_next_move(
    store: Store, database_url: str, place: BlobPlace
) -> None:
    """Switched on later, and off again: what is there can be read throughout."""
    mail = filed(store, SECRET)
    store.octets.move(mail.id, place)
    plain = place.get(mail.id)
    sealing = Store.open(database_url, MASTER)

    waiting = sealing.octets.elsewhere(place, 9)
    as_it_was = _octets(sealing, mail)
    sealing.octets.move(mail.id, place)
    sealed = place.get(mail.id)
    sealing.close()
    off = Store.open(database_url, replace(MASTER, seals=False))

    assert plain == as_it_was == SECRET
    assert waiting == [mail.id]
    assert b"R-4711" not in sealed
    assert _octets(off, mail) == SECRET
    assert off.octets.elsewhere(place, 9) == []
    off.close()


def test_the_master_key_is_made_at_first_use_and_kept(tmp_path: Path) -> None:
    """Only where something is to be encrypted; what is set counts before the file."""
    off = load(None, {"INVOICES_DATA_DIR": str(tmp_path)})
    on = load(None, {"INVOICES_DATA_DIR": str(tmp_path), "INVOICES_BLOBS__ENCRYPT": "true"})
    given = load(None, {"INVOICES_DATA_DIR": str(tmp_path), "INVOICES_BLOBS__KEY": "k" * 32})

    before = octet_key(off)
    made = octet_key(on)

    assert before is None
    assert made is not None
    assert made == octet_key(on) == octet_key(off)
    assert (tmp_path / "octets.key").stat().st_mode & 0o077 == 0
    assert octet_key(given) not in (None, made)
