"""The commands of docs/first-hour.md, given just as they stand there, with what they answer and what is seen then."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import httpx2

from fixtures.mailbox import patiently

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "fixtures/mail/hybrid-factur-x-en-16931/message.eml"
ANYTHING = "…"


@dataclass
class Step:
    """A command of the document, and the lines that it says are answered."""

    command: str
    answers: list[str] = field(default_factory=list)

    def is_answered_by(self, said: str) -> bool:
        """A line of dots stands for any lines, dots within a line for anything in it."""
        lines = ["" if line == ANYTHING else _pattern(line) for line in self.answers]
        text = "".join(rf"{line} *\n" if line else r"(?:.*\n)*?" for line in lines)
        return re.fullmatch(text, said) is not None


def _pattern(line: str) -> str:
    return ".*".join(re.escape(piece.strip()) for piece in line.split(ANYTHING))


def _steps() -> list[Step]:
    text = (ROOT / "docs/first-hour.md").read_text(encoding="utf-8")
    steps: list[Step] = []
    for line in re.findall(r"^    (.+)$", text.partition("\nOpen that link")[0], re.MULTILINE):
        if line.startswith("$ "):
            steps.append(Step(line.removeprefix("$ ")))
        else:
            steps[-1].answers.append(line)
    return steps


@contextmanager
def _shell(folder: Path, ports: dict[str, str]) -> Iterator[Any]:
    """Gives commands in one shell, one after the other; what each says on standard output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INVOICES_")}
    environment |= {
        "INVOICES_SMTP__LISTEN": ports["127.0.0.1:8025"],
        "INVOICES_PORTAL__LISTEN": ports["127.0.0.1:8080"],
        "INVOICES_REGISTRATION__BASE_URL": f"http://{ports['127.0.0.1:8080']}",
    }
    shell = subprocess.Popen(
        ["bash"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert shell.stdin is not None
    assert shell.stdout is not None

    def give(command: str) -> str:
        assert shell.stdin is not None
        assert shell.stdout is not None
        shell.stdin.write(f'{command}\necho "done $?"\n')
        shell.stdin.flush()
        said = ""
        for line in shell.stdout:
            if line == "done 0\n":
                return said
            said += line
        raise AssertionError(f"{command}: {said}")

    try:
        yield give
    finally:
        shell.stdin.close()
        shell.terminate()
        os.killpg(shell.pid, signal.SIGTERM)
        shell.wait(60)
        for _ in shell.stdout:  # until the daemon has ended, too
            pass
        shell.stdout.close()


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"127.0.0.1:{found.getsockname()[1]}"


def _lay_invoice(folder: Path) -> None:
    mail = message_from_bytes(SAMPLE.read_bytes(), policy=default)
    [document] = [part for part in mail.walk() if part.get_content_type() == "application/pdf"]
    (folder / "invoice.pdf").write_bytes(document.get_payload(decode=True))  # type: ignore[arg-type]


def _check_out(folder: Path) -> None:
    """What `make` looks at in a checkout, and an environment that is installed: ours."""
    for file in (ROOT / "Makefile", ROOT / "pyproject.toml", *ROOT.glob("requirements*.lock")):
        shutil.copy(file, folder)
    (folder / ".venv").mkdir()
    (folder / ".venv/bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv/installed").touch()


def _registered(link: str) -> str:
    """What a browser shows to whoever opens the link, fills in its form and looks at the invoices."""
    with httpx2.Client(follow_redirects=True, timeout=60) as browser:
        form = browser.get(link).text
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        entered = {"email": "purchase@example.com", "name": "Paula", "password": "a long and good secret"}
        answer = browser.post(link, data=hidden | entered, headers={"Origin": link.partition("/register")[0]})
        assert answer.status_code == 200, answer.text
        return browser.get(link.partition("/register")[0] + "/companies").text


def test_the_first_hour_is_as_the_document_says(tmp_path: Path) -> None:
    """Whoever tries it for the first time has nobody to ask; ten commands to the own invoice on the screen."""
    _check_out(tmp_path)
    _lay_invoice(tmp_path)
    steps, ports = _steps(), {name: _free_port() for name in ("127.0.0.1:8025", "127.0.0.1:8080")}
    wrong: list[tuple[str, str]] = []
    with _shell(tmp_path, ports) as give:
        for step in steps:
            said = give(_with(step.command, ports))
            step.answers = [_with(line, ports) for line in step.answers]
            if step.command.startswith("invoices serve"):
                _wait_for(tmp_path / "serve.log", '"ready"')
            elif step.command.startswith("swaks"):
                _wait_for(tmp_path / "serve.log", '"filed"')
            elif not step.is_answered_by(said):
                wrong.append((step.command, said))
        screen = _registered(said.splitlines()[0])

    assert wrong == []
    assert len(steps) <= 10
    assert "LN-2026-1004" in screen


def _with(line: str, ports: dict[str, str]) -> str:
    for written, real in ports.items():
        line = line.replace(written, real)
    return line


def _wait_for(log: Path, words: str) -> None:
    for _ in patiently(f"{words} is not in the log"):
        if log.exists() and words in log.read_text(encoding="utf-8"):
            return
