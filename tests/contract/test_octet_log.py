"""Large mails lie in files beside an SQLite database: whole, once, and not a moment longer than on record."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from retention.worker import drill
from storage.blobs import octet_log
from storage.errors import NotFound, StorageUnavailable
from storage.records.filing import Filing
from storage.records.mails import IncomingMail, MailContent, Outcome
from storage.store import Store
from tests import making
from tests.contract.test_retention import DAY, PERIODS

LARGE = 300_000


@pytest.fixture
def url(sqlite_url: str) -> str:
    """An SQLite database; servers have no log."""
    return sqlite_url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Empty."""
    opened = Store.open(url)
    yield opened
    opened.close()


def _large(size: int = LARGE) -> IncomingMail:
    return making.incoming(os.urandom(size))


def _octets(store: Store, mail: IncomingMail) -> bytes:
    with store.reading() as records:
        return records.mails.octets(mail.id)


def _file(store: Store, mail: IncomingMail) -> None:
    """Its time is over at once."""
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


def _segments(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "invoices.db-octets"
    return sorted(folder.iterdir()) if folder.exists() else []


def _killed_while_writing(store: Store, tmp_path: Path) -> tuple[IncomingMail, Path, bytes]:
    """A mail on record, its segment, and octets at the end of that which no transaction knows of."""
    mail = _large()
    store.add_mails([mail])
    store.close()
    [segment] = _segments(tmp_path)
    lost = os.urandom(LARGE)
    with segment.open("ab") as file:
        file.write(lost)
    return mail, segment, lost


def _lies_on_disk(tmp_path: Path, mail: IncomingMail) -> bool:
    return any(mail.octets in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def _claims(url: str) -> list[int]:
    """How often each segment was taken by somebody."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return sorted(row[0] for row in connection.execute("SELECT claims FROM octet_segment"))


class _BreaksOff:
    """A mail whose octets cannot be read to their end."""

    size = LARGE

    def chunks(self) -> Iterator[bytes]:
        raise NotImplementedError

    def pieces(self) -> Iterable[bytes]:
        yield os.urandom(LARGE // 2)
        raise OSError(errno.EIO, os.strerror(errno.EIO), "spool")


def _broken() -> IncomingMail:
    content: MailContent = _BreaksOff()
    return making.incoming(os.urandom(9), content=content)


def test_large_mails_lie_in_the_log_and_small_ones_in_the_database(store: Store, tmp_path: Path) -> None:
    """Each is written once, and comes back octet for octet."""
    mails = [
        _large(),
        making.incoming(b"small"),
        _large(octet_log.CHUNK_OCTETS * 2 + 1),
        making.incoming(b""),
    ]

    store.add_mails(mails)

    assert [_octets(store, mail) for mail in mails] == [mail.octets for mail in mails]
    [segment] = _segments(tmp_path)
    assert segment.read_bytes() == mails[0].octets + mails[2].octets


def test_what_retention_deletes_is_gone_from_the_disk(store: Store, tmp_path: Path) -> None:
    """Also from a file that is still being written to."""
    doomed, kept = _large(), _large()
    store.add_mails([doomed, kept])
    _file(store, doomed)

    drill(store, PERIODS, making.NOW + DAY)

    assert not _lies_on_disk(tmp_path, doomed)
    assert _octets(store, kept) == kept.octets
    with pytest.raises(NotFound):
        _octets(store, doomed)


def test_an_empty_segment_is_removed_when_nobody_writes_to_it(store: Store, tmp_path: Path, url: str) -> None:
    """Nothing is left behind: no file and no row."""
    mail = _large()
    store.add_mails([mail])
    _file(store, mail)
    drill(store, PERIODS, making.NOW + DAY)
    assert len(_segments(tmp_path)) == 1, "this store still writes to it"
    store.close()

    other = Store.open(url)
    drill(other, PERIODS, making.NOW + DAY)

    assert _segments(tmp_path) == []
    again = _large()
    other.add_mails([again])
    assert _octets(other, again) == again.octets
    other.close()


def test_octets_of_a_duplicate_are_given_back(store: Store, tmp_path: Path) -> None:
    """They were written before anybody could know that the mail is there already."""
    first, again = _large(), _large()
    again = making.incoming(again.octets, transfer_digest=first.transfer_digest)
    store.add_mails([first])

    [receipt] = store.add_mails([again])

    assert (receipt.mail_id, receipt.duplicate) == (first.id, True)
    assert not _lies_on_disk(tmp_path, again)
    assert _octets(store, first) == first.octets


def test_a_batch_that_fails_leaves_nothing_and_harms_nobody(store: Store, tmp_path: Path) -> None:
    """The disk may break off in the middle of a mail; the mails before and after it are whole."""
    before, with_it, after = _large(), _large(), _large()
    store.add_mails([before])

    with pytest.raises(StorageUnavailable):
        store.add_mails([with_it, _broken()])
    store.add_mails([after])

    assert [_octets(store, mail) for mail in (before, after)] == [before.octets, after.octets]
    assert not _lies_on_disk(tmp_path, with_it)
    with pytest.raises(NotFound):
        _octets(store, with_it)


def test_processes_write_to_segments_of_their_own(store: Store, tmp_path: Path, url: str) -> None:
    """What a process leaves, another one goes on with, behind what is there."""
    first, second, third = _large(), _large(), _large()
    other = Store.open(url)
    store.add_mails([first])
    other.add_mails([second])
    assert len(_segments(tmp_path)) == 2
    other.close()

    heir = Store.open(url)
    heir.add_mails([third])

    assert len(_segments(tmp_path)) == 2
    assert [_octets(heir, mail) for mail in (first, second, third)] == [
        mail.octets for mail in (first, second, third)
    ]
    heir.close()


def test_what_a_killed_process_wrote_and_never_promised_is_erased(
    store: Store, tmp_path: Path, url: str
) -> None:
    """The file ends with octets that no transaction knows of."""
    mail, segment, lost = _killed_while_writing(store, tmp_path)

    heir = Store.open(url)
    heir.add_mails([_large()])

    assert lost not in segment.read_bytes()
    assert _octets(heir, mail) == mail.octets
    heir.close()


@pytest.mark.parametrize("punches", [True, False])
def test_what_was_never_promised_goes_from_a_segment_that_nobody_takes_any_more(
    store: Store, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, punches: bool
) -> None:
    """One process of a thousand was killed just when what it wrote had filled its segment. No writer takes a full
    one, so its last octets stayed for as long as the mails beside them; now retention erases them, and only once.
    """
    if not punches:
        monkeypatch.setattr(octet_log, "_punched", lambda *_: False)
    mail, segment, lost = _killed_while_writing(store, tmp_path)
    monkeypatch.setattr(octet_log, "SEGMENT_OCTETS", 2 * LARGE)
    heir = Store.open(url)
    heir.add_mails([_large()])
    assert lost in segment.read_bytes()

    for _ in range(2):
        heir.octets.free()

    assert segment.read_bytes().rstrip(b"\0") == mail.octets.rstrip(b"\0")
    assert _octets(heir, mail) == mail.octets
    assert _claims(url) == [1, 2]
    heir.close()


def test_what_is_being_written_is_left_alone(store: Store, tmp_path: Path, url: str) -> None:
    """A writer may be between its octets and their transaction when retention looks."""
    store.add_mails([_large()])
    [segment] = _segments(tmp_path)
    coming = os.urandom(LARGE)
    with segment.open("ab") as file:
        file.write(coming)
    other = Store.open(url)

    other.octets.free()

    assert coming in segment.read_bytes()
    other.close()


def test_a_full_segment_is_followed_by_another(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that space can be given back by removing files."""
    monkeypatch.setattr(octet_log, "SEGMENT_OCTETS", 2 * LARGE)
    mails = [_large() for _ in range(5)]

    for mail in mails:
        store.add_mails([mail])

    assert len(_segments(tmp_path)) == 3
    assert [_octets(store, mail) for mail in mails] == [mail.octets for mail in mails]


def test_where_holes_cannot_be_punched_zeros_are_written(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every file system can give a place back; the octets go all the same."""
    monkeypatch.setattr(octet_log, "_punched", lambda *_: False)
    first, again = _large(), _large()
    store.add_mails([first])
    store.add_mails([making.incoming(again.octets, transfer_digest=first.transfer_digest)])

    assert not _lies_on_disk(tmp_path, again)
    assert _octets(store, first) == first.octets


def test_a_missing_file_is_named(store: Store, tmp_path: Path) -> None:
    """Somebody has copied the database without its log."""
    mail = _large()
    store.add_mails([mail])
    [segment] = _segments(tmp_path)
    segment.unlink()

    with pytest.raises(NotFound, match=segment.name):
        _octets(store, mail)
