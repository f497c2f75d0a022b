"""The units start programs that exist, are wired to each other, and lock the programs in."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from cli.main import main
from config.load import load

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = ["invoices.service", "invoices-retention.service"]
MOST_EXPOSURE = 12  # tenths, as systemd-analyze counts
LOCKED_IN = {
    "CapabilityBoundingSet": [""],
    "DevicePolicy": ["closed"],
    "IPAddressDeny": ["any"],
    "LockPersonality": ["yes"],
    "MemoryDenyWriteExecute": ["yes"],
    "NoNewPrivileges": ["yes"],
    "PrivateDevices": ["yes"],
    "PrivateMounts": ["yes"],
    "PrivateTmp": ["yes"],
    "PrivateUsers": ["yes"],
    "ProtectHome": ["yes"],
    "ProtectSystem": ["strict"],
    "RestrictNamespaces": ["yes"],
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
    "UMask": ["0077"],
}


def _unit(name: str) -> dict[str, dict[str, list[str]]]:
    """The values of each key by section; a key may stand several times (systemd.syntax(7))."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(heading[1], {})
            continue
        key, separator, value = line.partition("=")
        assert separator, f"{name}: {line}"
        section.setdefault(key, []).append(value)
    return sections


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str] | None:
    """What systemd-analyze says; None on a machine without it."""
    program = shutil.which("systemd-analyze")
    if program is None:
        return None
    return subprocess.run(
        [program, "--no-pager", *arguments], capture_output=True, text=True, check=False, cwd=UNITS
    )


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_a_command_that_exists(name: str) -> None:
    """A renamed command or option would be found out at the next boot only."""
    [command_line] = _unit(name)["Service"]["ExecStart"]

    program, *words = shlex.split(command_line)
    command: click.Command = main
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    with click.Context(command) as context:
        command.parse_args(context, words)

    assert Path("/opt/invoices/bin/invoices") == Path(program)
    assert Path("/etc/invoices/invoices.toml") == context.obj.config


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_locked_in(name: str) -> None:
    """Holds also where systemd-analyze is not there to count."""
    service = _unit(name)["Service"]

    found = {key: service.get(key) for key in LOCKED_IN}

    assert found == LOCKED_IN
    assert ["invoices"] == service["User"] == service["StateDirectory"]


@pytest.mark.parametrize("name", SERVICES)
def test_the_exposure_of_a_service_is_small(name: str) -> None:
    """The count of systemd-analyze, where it is installed; a unit without any locks has 9.6."""
    counted = _analyze("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", name)

    assert counted is None or counted.returncode == 0, counted.stdout


def test_the_units_know_each_other() -> None:
    """A socket starts the service of its own name unless it says another; a timer does the same."""
    socket, timer = _unit("invoices-smtp.socket"), _unit("invoices-retention.timer")
    service = _unit("invoices.service")

    assert socket["Socket"]["Service"] == ["invoices.service"]
    assert service["Unit"]["Requires"] == ["invoices-smtp.socket"]
    assert "invoices-smtp.socket" in service["Unit"]["After"][0].split()
    assert (UNITS / "invoices-retention.service").exists()
    assert timer["Timer"]["OnCalendar"] == ["hourly"]


def test_the_socket_is_where_the_settings_say() -> None:
    """Postfix finds the mailbox at one address, with systemd and without."""
    [address] = _unit("invoices-smtp.socket")["Socket"]["ListenStream"]

    assert (address,) == load(environment={}).smtp.listen


def test_wrong_settings_are_not_tried_again() -> None:
    """Exit status 2 says that another start will not help."""
    service = _unit("invoices.service")["Service"]

    assert (service["Restart"], service["RestartPreventExitStatus"]) == (["always"], ["2"])


def test_systemd_understands_the_units() -> None:
    """Where it is installed: no key is unknown, no value is wrong; only the program is not there yet."""
    names = sorted(file.name for file in UNITS.iterdir())
    verified = _analyze("verify", *(f"./{name}" for name in names))

    complaints = verified.stderr.splitlines() if verified else []
    ours = [line for line in complaints if line.startswith(("invoices", str(UNITS))) or str(UNITS) in line]
    assert [line for line in ours if "is not executable: No such file or directory" not in line] == []
