"""The commands that stand in the documents to be typed in do what they should, in the order they stand there."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.commands import Commands
from tests.exported import SAMPLES

ROOT = Path(__file__).parents[2]
# Told by other tests, since it takes more than a mailbox.
ELSEWHERE = {
    "move --database": "tests/contract/test_move_database.py",
    "backup -o -": "tests/contract/test_backup.py",
}
INCOMING = ("xrechnung-ubl", "hybrid-xrechnung", "plain-letter", "broken-xml", "unknown-recipient")


def _typed(document: Path) -> list[str]:
    """`invoices ...` in indented lines, without comments and what comes behind a pipe."""
    found = re.findall(r"^    (?:\S+/)?invoices (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.split(r"\s{2,}|\s[#|]", line)[0] for line in found]


# What is made from the code is no example; the first hour has a test of its own.
DOCUMENTS = [
    document
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if document.name not in {"commands.md", "first-hour.md"} and _typed(document)
]


@pytest.fixture
def mailbox(on_sqlite: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """A mailbox in use, in a folder to work in: companies, invoices, something in quarantine, a folder of mails."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mails").mkdir()
    for name in INCOMING:
        shutil.copy(SAMPLES / name / "message.eml", tmp_path / "mails" / f"{name}.eml")
    on_sqlite.environment |= {
        "INVOICES_AUTHENTICATION__RESOLVERS": "",
        "INVOICES_PORTAL__LISTEN": "127.0.0.1:0",
    }
    on_sqlite.one("account", "add", "Company Ltd", "--address", "rechnung@company.example")
    on_sqlite.one("partner", "add", "Supplier", "--domain", "supplier.example")
    on_sqlite.program("replay", "mails", "--to", "rechnung@company.example")
    return on_sqlite


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_what_is_to_be_typed_in_works(mailbox: Commands, tmp_path: Path, document: Path) -> None:
    """Placeholders are filled in as a reader would; a line that fails misleads people at three in the morning."""
    failed = []
    for line in _typed(document):
        if any(line.startswith(begin) for begin in ELSEWHERE):
            continue
        words = _filled_in(mailbox, tmp_path, line)
        before = dict(mailbox.environment)
        if words[0] == "restore":
            mailbox.environment["INVOICES_DATABASE__URL"] = f"sqlite:///{tmp_path / 'restored.db'}"
        done = mailbox.call(*words)
        mailbox.environment = before
        if done.exit_code:
            failed.append((line, done.exit_code, done.output))

    assert failed == []


def _filled_in(mailbox: Commands, folder: Path, line: str) -> list[str]:
    [*_, invoice] = mailbox.lines("list", "--account", "Company Ltd")
    filled = line.replace("--reason ...", "--reason 'a tax audit'").replace("/backup/", f"{folder}/")
    words = shlex.split(filled)
    meant = {"ID": invoice["id"], "A": "Company Ltd", "ACCOUNT": "Company Ltd", "FILE.zip": "file.zip"}
    return [meant.get(word, word) for word in words]
