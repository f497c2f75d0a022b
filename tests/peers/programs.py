"""Knows which foreign programs the tests need, and which of them are missing here."""

from __future__ import annotations

import ctypes.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

REQUIRED = "INVOICES_TEST_PEERS"  # set to "required", a missing program is a failure
SPF_SUITE = "INVOICES_TEST_SPF_SUITE"  # names the file rfc7208-tests.yml
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
TEST_FILES = {
    "swaks": "test_swaks*.py",
    "postfix": "test_postfix*.py",
    "msmtp": "test_msmtp.py",
    "openssl": "test_openssl.py",
    "exim4": "test_exim.py",
    "nodemailer": "test_nodemailer.py",
    "haproxy": "test_haproxy.py",
    "strace": "test_fsync_order.py",
    "chromium": "browser/test_*.py",
    "pgbouncer": "[behind-pgbouncer]",  # a parameter of tests/contract
    "spf-suite": "senders/test_spf_suite.py",
    "seccomp": "locked/test_*.py",
}
_WITHOUT = {
    "strace": "that the disk has a mail before 250 is said",
    "chromium": "the portal in a browser",
    "pgbouncer": "the store behind a pooler",
    "spf-suite": "the public test suite of SPF",
    "seccomp": "the main job under the restrictions of the units",
}
MUST_BE_ROOT = frozenset({"postfix", "exim4"})
EXIM_USER = "Debian-exim"  # who Debian's Exim becomes; its package makes the user
_HOW_TO_INSTALL = {
    "exim4": "apt-get install exim4-daemon-light; beside Postfix, unpack the package and add the user Debian-exim",
    "spf-suite": "pip download --no-deps --no-binary :all: pyspf, unpack it, and name its test/rfc7208-tests.yml in "
    f"{SPF_SUITE}",
    "seccomp": "apt-get install systemd libseccomp2",
    "nodemailer": "npm install nodemailer, in a folder that NODE_PATH names",
}


def find(program: str) -> str | None:
    """Where a program lies, also where only root has it on the search path; None when it is not installed."""
    if program == "nodemailer":
        node = shutil.which("node", path=SEARCH_PATH)
        there = [node, "-e", "console.log(require.resolve('nodemailer'))"] if node else ["false"]
        return subprocess.run(there, capture_output=True, text=True, check=False).stdout.strip() or None
    if program == "spf-suite":
        suite = os.environ.get(SPF_SUITE)
        return suite if suite and Path(suite).is_file() else None
    if program == "seccomp":  # no program but a library, and who knows its groups
        return (
            shutil.which("systemd-analyze", path=SEARCH_PATH) if ctypes.util.find_library("seccomp") else None
        )
    if program == "exim4" and not _is_user(EXIM_USER):
        return None
    return shutil.which(program, path=SEARCH_PATH)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def missing(look: Callable[[str], str | None], user_id: int) -> dict[str, str]:
    """The programs that cannot be used, each with what to do about it."""
    reasons = {}
    for program in TEST_FILES:
        if look(program) is None:
            how = _HOW_TO_INSTALL.get(program, f"apt-get install {program}")
            reasons[program] = f"install it with: {how}"
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


@cache
def left_out_here() -> list[str]:
    """The programs whose tests are not collected on this machine."""
    return left_out(os.environ, missing(find, os.geteuid()))


def report_here() -> list[str]:
    """What is left out on this machine, for the head of the test report."""
    reasons = missing(find, os.geteuid())
    return report(left_out(os.environ, reasons), reasons)
