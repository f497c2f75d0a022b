"""`invoices export`: all of a company's invoices in one file, complete and checked, before they are deleted."""

from __future__ import annotations

import hashlib
import json
import zipfile
from datetime import timedelta
from pathlib import Path

from tests import making
from tests.commands import Commands

SAMPLE = Path(__file__).parents[2] / "fixtures/mail/xrechnung-ubl/message.eml"


def _replayed(commands: Commands) -> str:
    """A sample for a company of its own, and one for another; the company's name."""
    commands.one("account", "add", "Company Ltd", "--address", "invoices@company.example")
    commands.one("account", "add", "Other", "--address", "invoices@other.example")
    for to in ("invoices@company.example", "invoices@other.example"):
        commands.program("replay", str(SAMPLE), "--to", to)
    return "Company Ltd"


def test_an_export_has_everything_and_its_checksums(on_sqlite: Commands, tmp_path: Path) -> None:
    """Original, documents, a page, what was read, the history; of this company only, and on record."""
    name = _replayed(on_sqlite)
    [invoice] = on_sqlite.lines("list", "--account", name)
    file = tmp_path / "out.zip"

    [said] = on_sqlite.program("export", "--account", name, "-o", str(file), "--acknowledge")

    with zipfile.ZipFile(file) as archive:
        found = {entry: archive.read(entry) for entry in archive.namelist()}
    sums = found.pop("SHA256SUMS").decode()
    [folder] = {entry.partition("/")[0] for entry in found if "/" in entry}
    own = {entry.partition("/")[2]: octets for entry, octets in found.items() if "/" in entry}
    assert said["invoices"] == 1
    assert folder.endswith(invoice["id"])
    assert {"original.eml", "invoice.json", "history.json", "record.json", "readable.html"} < own.keys()
    assert json.loads(found["export.json"])["account"]["name"] == name
    assert own["original.eml"].endswith(SAMPLE.read_bytes())
    assert json.loads(own["invoice.json"])["id"] == invoice["id"]
    digests = {hashlib.sha256(octets).hexdigest() for octets in own.values()}
    assert {part["sha256"] for part in invoice["attachments"]} <= digests
    assert sums.splitlines() == [
        f"{hashlib.sha256(octets).hexdigest()}  {entry}" for entry, octets in found.items()
    ]
    events = [event["event"] for event in on_sqlite.lines("history", invoice["id"])]
    assert events[-1] == "exported"


def test_an_export_may_be_of_what_expires_soon_and_overwrites_nothing(
    on_sqlite: Commands, tmp_path: Path
) -> None:
    """Nothing is left behind of one that was refused."""
    name = _replayed(on_sqlite)
    file = tmp_path / "out.zip"

    [none] = on_sqlite.program("export", "--account", name, "-o", str(file), "--expiring", "10")
    refused = on_sqlite.misused("export", "--account", name, "-o", str(file))

    assert none["invoices"] == 0
    assert refused.endswith(f"{file} is there already; name another file\n")
    assert [one.name for one in tmp_path.glob("*.unfinished")] == []


def test_what_is_deleted_is_not_exported(on_sqlite: Commands, tmp_path: Path) -> None:
    """A tombstone has nothing to take along."""
    name = _replayed(on_sqlite)
    on_sqlite.program("retention", "run", "--now", (making.NOW + timedelta(days=1000)).isoformat())

    [said] = on_sqlite.program("export", "--account", name, "-o", str(tmp_path / "out.zip"))

    assert said["invoices"] == 0
