"""Lines of the log have their priority where journald reads them, and only there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from config.load import load
from config.log_setup import set_up_log
import structlog
set_up_log(load(None, {}).log)
log = structlog.get_logger("invoices")
log.info("sent")
log.warning("disk-low")
log.critical("worker-died")
"""


@pytest.mark.parametrize(
    ("into_journal", "beginnings"), [(True, ["<6>{", "<4>{", "<2>{"]), (False, ["{", "{", "{"])]
)
def test_a_line_has_its_priority_in_the_journal(
    tmp_path: Path, into_journal: bool, beginnings: list[str]
) -> None:
    """`journalctl -p warning` finds it; whoever reads the lines from a file or a pipe gets plain JSON."""
    file = tmp_path / "stderr"
    with file.open("wb") as stream:
        found = os.fstat(stream.fileno())
        named = f"{found.st_dev}:{found.st_ino if into_journal else found.st_ino + 1}"
        subprocess.run(
            [sys.executable, "-c", PROGRAM], stderr=stream, env={"JOURNAL_STREAM": named}, check=True
        )

    lines = file.read_text(encoding="utf-8").splitlines()
    assert [line[: line.index("{") + 1] for line in lines] == beginnings
