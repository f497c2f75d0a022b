"""An import killed within a mail and between two: given again, it brings the rest; nothing is there twice or half."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fixtures.mailbox import Mailbox
from tests.crash.test_sigkill import DRIVER
from tests.exported import ADDRESS, COMPANY


@pytest.mark.usefixtures("tables")
def test_a_killed_import_is_finished_by_the_next(
    tmp_path: Path, database_url: str, export_of_three: Path
) -> None:
    """Three mails; one kill comes within the first, one after it."""
    mailbox = Mailbox(tmp_path, {"DATABASE__URL": database_url})
    mailbox.run("account", "add", COMPANY, "--address", ADDRESS)
    arguments = ("import", str(export_of_three), "--account", COMPANY)

    statuses, here = [], []
    for point in ("import: written, not committed", "import: a mail is done"):
        killed = subprocess.run(
            [sys.executable, str(DRIVER), point, *arguments[1:]], env=mailbox.environment, check=False
        )
        statuses.append(killed.returncode)
        here.append(len(mailbox.run("list")))
    again = mailbox.run(*arguments)

    assert (statuses, here) == ([-9, -9], [0, 1])
    assert [row["outcome"] for row in again] == ["on-record", "imported", "imported"]
    assert {one["id"] for one in mailbox.run("list")} == _exported(export_of_three)
    assert mailbox.run("verify")[0]["findings"] == 0


def _exported(file: Path) -> set[str]:
    with zipfile.ZipFile(file) as archive:
        folders = {name.partition("/")[0] for name in archive.namelist() if "/" in name}
    return {folder.partition("_")[2] for folder in folders}
