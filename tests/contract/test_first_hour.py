"""The commands of docs/first-hour.md, given just as they stand there."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _commands() -> list[str]:
    """The first block: what follows listens, and needs a mail program."""
    _, _, below = (ROOT / "docs/first-hour.md").read_text(encoding="utf-8").partition("before.\n\n")
    return re.findall(r"^    (.+)$", below.partition("\n\nSo far")[0], re.MULTILINE)


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"127.0.0.1:{found.getsockname()[1]}"


def test_the_first_hour_is_as_the_document_says(tmp_path: Path) -> None:
    """Whoever tries it for the first time has nobody to ask; at most ten commands to the first invoice."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    commands = _commands()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INVOICES_")}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "INVOICES_SMTP__LISTEN": _free_port(),
        "INVOICES_PORTAL__LISTEN": _free_port(),
    }

    done = subprocess.run(
        ["bash", "-e"],
        input="\n".join(commands),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert len(commands) <= 10
    assert "1 mails: 1 recorded." in done.stdout
    assert "Musterwerk GmbH" in done.stdout
    assert (tmp_path / "first-backup.tar").stat().st_size > 0
