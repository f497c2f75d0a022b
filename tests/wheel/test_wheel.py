"""The built wheel, installed into an environment of its own, works without the checkout."""

from __future__ import annotations

import importlib.metadata
import json
import os
import site
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.packages import our_packages

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "fixtures/mail"
OURS = set(our_packages())
WHO_OWNS_WHAT = """
import importlib.metadata, json
print(json.dumps(importlib.metadata.packages_distributions()))
"""


def _run(*command: str | Path, folder: Path, settings: dict[str, str] | None = None) -> str:
    """Standard output of a command that succeeds."""
    environment = {"PATH": os.defpath, **(settings or {})}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Installed:
    """A wheel and the environment it is installed in."""

    wheel: Path
    environment: Path
    folder: Path  # to work in; nothing of the checkout is in it

    def invoices(self, *arguments: str | Path, **settings: str) -> str:
        """Standard output of the installed console script."""
        return _run(
            self.environment / "bin/invoices", *arguments, folder=self.folder, settings=settings or None
        )

    def python(self, program: str) -> Any:
        """What a program for the environment's Python prints, which is JSON."""
        return json.loads(_run(self.environment / "bin/python", "-c", program, folder=self.folder))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built from the checkout, installed beside the dependencies that the tests run with."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=ROOT)
    [wheel] = folder.glob("*.whl")
    environment = folder / "environment"
    _run(sys.executable, "-m", "venv", "--without-pip", environment, folder=folder)
    python = str(environment / "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install"]
    _run(*pip, "--quiet", "--no-index", "--no-deps", "--no-compile", wheel, folder=folder)
    _lend_dependencies(environment)
    (folder / "work").mkdir()
    return Installed(wheel, environment, folder / "work")


def _lend_dependencies(environment: Path) -> None:
    """Every package of this environment but the project itself, which would stand in for the wheel."""
    [theirs] = environment.glob("lib/python3*/site-packages")
    for folder in site.getsitepackages():
        for entry in Path(folder).iterdir():
            is_ours = entry.name.partition("-")[0].strip("_").startswith(("invoices_mailbox", "editable"))
            if not is_ours and entry.suffix != ".pth" and entry.name not in OURS:
                target = theirs / entry.name
                if not target.exists():
                    target.symlink_to(entry)


def test_the_program_starts(installed: Installed) -> None:
    """With the version of the project."""
    version = importlib.metadata.version("invoices-mailbox")

    assert installed.invoices("--version") == f"invoices, version {version}\n"


def test_mails_are_filed(installed: Installed) -> None:
    """Migrations, defaults and the reader processes all come from the wheel."""
    mails = [str(SAMPLES / name / "message.eml") for name in ("unknown-recipient", "plain-letter")]

    lines = installed.invoices(
        *("replay", *mails, "--to", "a@firm.example", "--json"), INVOICES_LOG__LEVEL="error"
    )

    rows = [json.loads(line) for line in lines.splitlines()]
    assert [row["outcome"] for row in rows] == ["recorded", "no-invoice"]
    assert (installed.folder / "var/invoices.db").exists()


def test_each_package_name_has_one_owner(installed: Installed) -> None:
    """`config` and `storage` are plain names; another distribution of that name would overwrite ours."""
    owners = installed.python(WHO_OWNS_WHAT)

    ours = {name: owner for name, owner in owners.items() if "invoices-mailbox" in owner}
    assert ours == {name: ["invoices-mailbox"] for name in OURS}


def test_the_code_is_the_wheels(installed: Installed) -> None:
    """Else the other tests here would prove nothing."""
    found = installed.python("import cli, ingest, json; print(json.dumps([cli.__file__, ingest.__file__]))")

    assert all(Path(file).is_relative_to(installed.environment) for file in found)


def test_the_wheel_holds_what_is_needed_and_nothing_else(installed: Installed) -> None:
    """No tests and no samples; the units where systemd looks below a prefix."""
    names = zipfile.ZipFile(installed.wheel).namelist()

    tops = {name.partition("/")[0] for name in names}
    assert {name for name in tops if not name.startswith("invoices_mailbox-")} == OURS
    assert {"config/defaults.toml", "storage/migrations/versions/0001_first_schema.py"} <= set(names)
    units = {name.rpartition("/")[2] for name in names if ".data/data/lib/systemd/system/" in name}
    assert units == {file.name for file in (ROOT / "systemd").iterdir()}
    assert [name for name in names if "test" in Path(name).name or name.endswith((".pyc", ".eml"))] == []


def test_the_units_are_installed(installed: Installed) -> None:
    """As the README copies them from."""
    found = {file.name for file in (installed.environment / "lib/systemd/system").iterdir()}

    assert found == {file.name for file in (ROOT / "systemd").iterdir()}
