"""The parts of the Debian package fit each other and the units; that it works at all is tried by debian/try."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEBIAN = ROOT / "debian"
SCRIPTS = ["build", "fresh", "invoices", "machine", "postinst", "postrm", "prerm", "try", "within"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_one(name: str) -> None:
    """As its shell reads it, and marked as a program: dpkg would refuse a package over that."""
    script = DEBIAN / name
    shell = script.read_text(encoding="utf-8").splitlines()[0].removeprefix("#!").split()[-1]

    checked = subprocess.run([shell, "-n", script], capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")
    assert script.stat().st_mode & 0o111


@pytest.mark.parametrize("name", ["postinst", "prerm"])
def test_the_units_that_a_script_names_are_there(name: str) -> None:
    """Also that an update stops every part that the target starts, and nothing is left running."""
    named = set(re.findall(r"invoices[\w-]*\.(?:service|socket|target|timer)", (DEBIAN / name).read_text()))

    there = {file.name for file in (ROOT / "systemd").iterdir()}
    assert named - there == set()
    if name == "postinst":
        parts = set(re.findall(r"invoices[\w-]*\.service", (ROOT / "systemd/invoices.target").read_text()))
        assert parts <= named


def test_the_user_of_the_package_is_the_units_user() -> None:
    """And the folders that it makes are those that the units name."""
    made = (DEBIAN / "sysusers.conf").read_text() + (DEBIAN / "tmpfiles.conf").read_text()
    unit = (ROOT / "systemd/invoices.service").read_text()

    assert "\nu invoices - " in made
    assert "User=invoices\n" in unit
    assert "LoadCredential=credentials:/etc/invoices/credentials\n" in unit
    assert "\nd /etc/invoices/credentials 0700 root root\n" in made
    assert "\nd /var/lib/invoices 0750 invoices invoices\n" in made


def test_the_package_holds_what_runs_and_not_what_tests() -> None:
    """By hash, from the lock; a package with a browser for tests in it would be a surprise."""
    done = subprocess.run(
        [sys.executable, DEBIAN / "runtime_lock.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    names = set(re.findall(r"^([a-z0-9-]+)==", done.stdout, re.MULTILINE))
    assert {"aiosmtpd", "sqlalchemy", "lxml", "fastapi", "starlette", "greenlet"} - names <= {"greenlet"}
    assert names & {"pytest", "playwright", "mypy", "ruff", "hypothesis"} == set()
    assert done.stdout.count("--hash=sha256:") >= len(names)
