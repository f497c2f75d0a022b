"""Knows which foreign programs the tests need, and which of them are missing here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping

REQUIRED = "INVOICES_TEST_PEERS"  # set to "required", a missing program is a failure
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
TEST_FILES = {
    "swaks": "test_swaks.py",
    "postfix": "test_postfix*.py",
    "msmtp": "test_msmtp.py",
    "openssl": "test_openssl.py",
    "strace": "test_fsync_order.py",
}
_WITHOUT = {"strace": "that the disk has a mail before 250 is said"}
MUST_BE_ROOT = frozenset({"postfix"})


def find(program: str) -> str | None:
    """Where a program lies, also where only root has it on the search path; None when it is not installed."""
    return shutil.which(program, path=SEARCH_PATH)


def missing(look: Callable[[str], str | None], user_id: int) -> dict[str, str]:
    """The programs that cannot be used, each with what to do about it."""
    reasons = {}
    for program in TEST_FILES:
        if look(program) is None:
            reasons[program] = f"install it with: apt-get install {program}"
        elif program in MUST_BE_ROOT and user_id != 0:
            reasons[program] = "run the tests as root: it starts as nobody else"
    return reasons


def left_out(environment: Mapping[str, str], reasons: Mapping[str, str]) -> list[str]:
    """The programs whose tests are not collected; none where they are required, so that those tests fail."""
    return [] if environment.get(REQUIRED) == "required" else sorted(reasons)


def report(programs: list[str], reasons: Mapping[str, str]) -> list[str]:
    """One line for each program whose tests are not collected."""
    return [
        f"NOT TESTED: {_WITHOUT.get(program, f'delivery by {program}')} ({reasons[program]})"
        for program in programs
    ]


def report_here() -> list[str]:
    """What is left out on this machine, for the head of the test report."""
    reasons = missing(find, os.geteuid())
    return report(left_out(os.environ, reasons), reasons)
