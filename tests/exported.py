"""Makes exports of companies for tests of imports, and files that are not quite exports."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.commands import Commands

SAMPLES = Path(__file__).parents[1] / "fixtures/mail"
COMPANY, ADDRESS = "Company Ltd", "invoices@company.example"
Change = Callable[[bytes], bytes | None]


def mails(folder: Path) -> list[Path]:
    """Three invoices: a productive one, a test, and one whose mail is too large for SQLite itself."""
    folder.mkdir()
    ubl = (SAMPLES / "xrechnung-ubl/message.eml").read_bytes()
    written = {
        "1-productive.eml": (SAMPLES / "xrechnung-cii/message.eml").read_bytes(),
        "2-test.eml": b"X-Invoice-Environment: test\r\n" + ubl,
        "3-large.eml": b"X-Note: " + b"\r\n ".join([b"x" * 70] * 1000) + b"\r\n" + ubl,
    }
    for name, octets in written.items():
        (folder / name).write_bytes(octets)
    return [folder / name for name in written]


def account(commands: Commands, name: str = COMPANY, address: str = ADDRESS) -> None:
    """Makes an account with an address."""
    commands.one("account", "add", name, "--address", address)


def exported(commands: Commands, folder: Path) -> Path:
    """The three invoices of a company, filed and exported."""
    account(commands)
    commands.program("replay", *map(str, mails(folder / "mails")), "--to", ADDRESS)
    file = folder / "export.zip"
    commands.program("export", "--account", COMPANY, "-o", str(file))
    return file


def changed(file: Path, changes: Mapping[str, Change], *, sums: bool = True) -> Path:
    """A copy in which the files that end so are others, or (None) missing; with checksums that fit, unless told."""
    to = file.with_name("changed.zip")
    written: dict[str, bytes] = {}
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            octets: bytes | None = before.read(name)
            for ending, change in changes.items():
                if name.endswith(ending) and octets is not None:
                    octets = change(octets)
            if name == "SHA256SUMS" and sums and octets is not None:
                octets = "".join(f"{_sum(content)}  {one}\n" for one, content in written.items()).encode()
            if octets is not None:
                written[name] = octets
                after.writestr(name, octets)
    return to


def of_record(change: Callable[[dict[str, Any]], object]) -> Change:
    """Changes the record of an invoice in place."""

    def changed_record(octets: bytes) -> bytes:
        record = json.loads(octets)
        change(record)
        return json.dumps(record).encode()

    return changed_record


def _sum(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()
