"""Octets in a folder or bucket, encrypted or not, go into a backup and come back; every command reads them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.blobs.place import open_place
from tests.commands import Commands, Form
from tests.object_store import BUCKET, object_store

SAMPLES = Path(__file__).parents[2] / "fixtures/mail"
MAIL = SAMPLES / "hybrid-factur-x-en-16931/message.eml"
TO = "einkauf@neukunde.example"


@pytest.fixture(scope="module")
def s3_environment() -> Iterator[dict[str, str]]:
    """A real S3 server."""
    with object_store() as environment:
        yield environment


def _settled(commands: Commands, url: str, *, encrypted: bool) -> list[Form]:
    """Two mails on record whose octets lie at `url`."""
    commands.environment |= {"INVOICES_BLOBS__ENCRYPT": str(encrypted).lower()}
    mails = commands.program("replay", str(MAIL), str(SAMPLES / "plain-letter/message.eml"), "--to", TO)
    commands.program("move", "--to", url)
    return mails


def _originals(commands: Commands, mails: list[Form]) -> list[str]:
    """The digest of each mail, without the field on top that is ours."""
    digests = []
    for mail in mails:
        done = commands.call("download", mail["mail_id"], "--original", "-o", "-")
        assert done.exit_code == 0, done.output
        digests.append(hashlib.sha256(done.stdout_bytes).hexdigest())
    return digests


@pytest.mark.parametrize(
    ("place", "encrypted"), [("folder", False), ("bucket", True)], ids=["folder", "bucket-encrypted"]
)
def test_octets_elsewhere_are_taken_along_and_put_back(
    commands: Commands,
    another: Callable[[], str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    encrypted: bool,
) -> None:
    """Database and place are lost together; what is restored is what there was, octet for octet."""
    url = f"file://{tmp_path / 'octets'}"
    if place == "bucket":
        environment = request.getfixturevalue("s3_environment")
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        commands.environment |= environment
        url = f"s3://{BUCKET}/{tmp_path.name}"
        open_place.cache_clear()
    mails = _settled(commands, url, encrypted=encrypted)
    before = _originals(commands, mails)
    [status] = commands.lines("backup", "-o", str(tmp_path / "kept.tar"), "--octets")
    opened = open_place(url)
    assert opened is not None
    opened.delete([mail["mail_id"] for mail in mails])

    restored = Commands(commands.environment | {"INVOICES_DATABASE__URL": another()}, "")
    said = restored.one("restore", str(tmp_path / "kept.tar"))

    assert status["elsewhere_taken"] == said["elsewhere_taken"] == 2
    assert _originals(restored, mails) == before
    assert restored.lines("verify")[-1]["findings"] == 0
    assert (MAIL.read_bytes() in (tmp_path / "kept.tar").read_bytes()) == (not encrypted)


def test_what_is_at_its_place_already_stays(on_sqlite: Commands, tmp_path: Path) -> None:
    """Only the database was lost; the folder may be newer than the backup."""
    mails = _settled(on_sqlite, f"file://{tmp_path / 'octets'}", encrypted=True)
    before = _originals(on_sqlite, mails)
    on_sqlite.one("backup", "-o", str(tmp_path / "kept"), "--octets")
    files = sorted(path for path in (tmp_path / "octets").rglob("*") if path.is_file())
    written = [path.stat().st_mtime_ns for path in files]

    elsewhere = f"sqlite:///{tmp_path / 'elsewhere' / 'invoices.db'}"
    restored = Commands(on_sqlite.environment | {"INVOICES_DATABASE__URL": elsewhere}, "")
    restored.one("restore", str(tmp_path / "kept"))

    assert [path.stat().st_mtime_ns for path in files] == written
    assert _originals(restored, mails) == before


def test_a_mail_that_went_while_the_backup_was_made_is_no_damage(
    on_sqlite: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention may delete, or bring back, what the copied records name; what is lost without a reason is told."""
    mails = _settled(on_sqlite, f"file://{tmp_path / 'octets'}", encrypted=False)
    shutil.rmtree(tmp_path / "octets" / mails[0]["mail_id"][-2:])

    lost = on_sqlite.refused("backup", "-o", str(tmp_path / "kept"), "--octets")
    monkeypatch.setattr("storage.blobs.stored_octets.StoredOctets.is_kept", lambda *_: False)
    made = on_sqlite.one("backup", "-o", str(tmp_path / "kept"), "--octets")

    assert mails[0]["mail_id"] in lost
    assert made["elsewhere_taken"] == 1


def test_every_command_reads_encrypted_octets(on_sqlite: Commands, tmp_path: Path) -> None:
    """What is encrypted beside the database is read as if it were not, and not at all without the key."""
    mails = _settled(on_sqlite, f"file://{tmp_path / 'octets'}", encrypted=True)
    [invoice] = mails[0]["invoices"]
    document = tmp_path / "document"

    on_sqlite.one("download", invoice["id"], "-o", str(document))
    readable = on_sqlite.call("show", invoice["id"], "--html", "-o", str(tmp_path / "readable.html"))
    reread = on_sqlite.program("reread")
    revalidated = on_sqlite.call("revalidate", "--dry-run")
    key = Path(on_sqlite.environment["INVOICES_DATA_DIR"]) / "octets.key"
    key.rename(key.with_name("elsewhere.key"))
    without = on_sqlite.refused("download", mails[0]["mail_id"], "--original", "-o", str(tmp_path / "mail"))

    assert hashlib.sha256(document.read_bytes()).hexdigest() == next(
        part["sha256"] for part in invoice["attachments"] if part["role"] == "invoice"
    )
    assert (readable.exit_code, revalidated.exit_code, reread) == (0, 0, [])
    assert "octets.key" in without
