"""`python -m tests.locked`: every sample through all programs under their units, then suites that kill it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from fixtures.mailbox import LOCKED_BY
from tests.locked import main_job
from tests.locked.housed import forget_all, housed

# Of those that drive the program from outside. PostgreSQL's socket lies in a temporary folder here, which units hide.
SUITES = ("tests/peers/test_swaks.py", "tests/crash/test_sigkill.py", "tests/crash/test_hostile.py")
CHOSEN = ("-k", "not postgresql")


def main() -> int:
    """The exit status: that of the suites; an AssertionError says what went wrong before."""
    with tempfile.TemporaryDirectory() as folder, housed(Path(folder)) as house:
        main_job.does_all(house.mailbox, house.browser, house.office, house.erp, house.octets)
        forget_all(house.mailbox)
        main_job.has_forgotten(house.mailbox)
    print(
        f"{len(main_job.samples())} samples: as their fixtures say, under the units of all parts", flush=True
    )
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *(sys.argv[1:] or (*SUITES, *CHOSEN))]
    return subprocess.run(command, env=os.environ | {LOCKED_BY: "invoices.service"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
