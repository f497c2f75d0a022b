"""A reader that was taken over by a mail can neither talk to anybody nor leave anything behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_CONFINED = """
import os, socket, subprocess, sys, tempfile, pathlib
from reading.confinement import confine
if not confine():
    sys.exit(3)
try:
    {attempt}
except PermissionError:
    sys.exit(7)
"""


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "subprocess.run(['/bin/true'])",
        "os.execv('/bin/true', ['true'])",
        "open('new', 'w')",
        "open('there', 'a')",
        "os.remove('there')",
        "os.rename('there', 'elsewhere')",
        "os.mkdir('folder')",
        "os.chmod('there', 0o777)",
        "os.symlink('there', 'link')",
        "os.truncate('there', 0)",
        "os.kill(os.getppid(), 0)",
    ],
)
def test_it_may_not(tmp_path: Path, attempt: str) -> None:
    """Each attempt fails as if it had no right to, and nothing has changed."""
    (tmp_path / "there").write_text("content")

    done = subprocess.run(
        [sys.executable, "-c", _CONFINED.format(attempt=attempt)], cwd=tmp_path, check=False
    )

    assert done.returncode == 7
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"there": "content"}


@pytest.mark.parametrize("attempt", ["open('there').read()", "import zipimport, xmlrpc.client", "os.pipe()"])
def test_it_may(tmp_path: Path, attempt: str) -> None:
    """Reading files, and what it has open, is still there: libraries load their parts late."""
    (tmp_path / "there").write_text("content")

    done = subprocess.run(
        [sys.executable, "-c", _CONFINED.format(attempt=attempt)], cwd=tmp_path, check=False
    )

    assert done.returncode == 0
