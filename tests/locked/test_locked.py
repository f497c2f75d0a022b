"""Every program does its main job under its unit's own restrictions; `python -m tests.locked` does more of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.locked import main_job
from tests.locked.housed import PARTS, forget_all, housed, locked
from tests.locked.into import may_be_root


@pytest.mark.parametrize("part", [*PARTS, "retention"])
def test_what_a_unit_forbids_is_refused(part: str, tmp_path: Path) -> None:
    """Else the other test would show nothing."""
    tried = [sys.executable, "-m", "tests.locked.forbidden", tmp_path]
    options = [] if may_be_root() else ["--filters-only"]

    done = subprocess.run(
        locked(part, tmp_path, *tried, *options), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_the_main_job_is_done_under_the_locks(tmp_path: Path) -> None:
    """A library that wants a system call more would otherwise be found out on an operator's machine."""
    with housed(tmp_path) as house:
        main_job.does_all(house.mailbox, house.browser, house.office, house.erp, house.octets, main_job.FEW)
        forget_all(house.mailbox)

        main_job.has_forgotten(house.mailbox)
