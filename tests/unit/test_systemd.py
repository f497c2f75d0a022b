"""The units start programs that exist, are wired to each other, and lock the programs in."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from cli import operations
from cli.main import main
from config.load import load
from tests.locked.unit import UNITS, read_unit

PARTS = [
    *("invoices-smtp.service", "invoices-worker.service"),
    *("invoices-portal.service", "invoices-outbound.service"),
]
DAEMONS = ["invoices.service", *PARTS]
SERVICES = [*DAEMONS, "invoices-retention.service"]
LMTP = "lmtp"  # as the daemon knows it
MOST_EXPOSURE = 12  # tenths, as systemd-analyze counts
LOCKED_IN = {
    "CapabilityBoundingSet": [""],
    "DevicePolicy": ["closed"],
    "IPAddressDeny": ["any"],
    "LimitCORE": ["0"],
    "LoadCredential": ["credentials:/etc/invoices/credentials"],
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
# The one call beyond it: retention says that it is in no hurry. Without capabilities nobody gains by it.
OPENED = {"invoices-retention.service": ["sched_setattr"]}


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
    [command_line] = read_unit(name)["Service"]["ExecStart"]

    program, *words = shlex.split(command_line)
    command: click.Command = main
    main.all_commands()  # they are imported when they are called, else
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    with click.Context(command) as context:
        command.parse_args(context, words)

    assert Path("/opt/invoices/bin/invoices") == Path(program)
    assert Path("/etc/invoices/invoices.toml") == context.obj.config


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_locked_in(name: str) -> None:
    """Holds also where systemd-analyze is not there to count."""
    service = read_unit(name)["Service"]

    found = {key: service.get(key) for key in LOCKED_IN}

    calls = [*LOCKED_IN["SystemCallFilter"], *OPENED.get(name, [])]
    assert found == LOCKED_IN | {"SystemCallFilter": calls}
    assert ["invoices"] == service["User"] == service["StateDirectory"]


@pytest.mark.parametrize("name", SERVICES)
def test_the_exposure_of_a_service_is_small(name: str) -> None:
    """The count of systemd-analyze, where it is installed; a unit without any locks has 9.6."""
    counted = _analyze("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", name)

    assert counted is None or counted.returncode == 0, counted.stdout


def test_the_units_know_each_other() -> None:
    """A socket starts the service of its own name unless it says another; a timer does the same."""
    timer, lmtp = read_unit("invoices-retention.timer"), read_unit("invoices-lmtp.socket")

    for name in ("invoices-smtp", "invoices"):
        service = read_unit(f"{name}.service")["Unit"]
        assert service["Requires"] == [f"{name}.socket"]
        assert f"{name}.socket" in service["After"][0].split()
        assert "Service" not in read_unit(f"{name}.socket")["Socket"]
    assert (lmtp["Socket"]["Service"], lmtp["Socket"]["FileDescriptorName"]) == (
        ["invoices-smtp.service"],
        [LMTP],
    )
    assert (UNITS / "invoices-retention.service").exists()
    assert timer["Timer"]["OnCalendar"] == ["hourly"]


def test_the_target_starts_every_part() -> None:
    """One name to enable; what it starts goes with it when it is stopped."""
    wanted = {name for line in read_unit("invoices.target")["Unit"]["Wants"] for name in line.split()}

    assert wanted == {*PARTS, "invoices-smtp.socket", "invoices-retention.timer"}
    assert [read_unit(name)["Unit"]["PartOf"] for name in PARTS] == [["invoices.target"]] * len(PARTS)


def test_each_part_of_the_program_has_a_service() -> None:
    """Together they run what one process would."""
    commands = [read_unit(name)["Service"]["ExecStart"][0] for name in PARTS]

    started = [re.search(r"invoices serve (\w+) --config", command) for command in commands]

    assert [part[1] for part in started if part] == list(operations.PARTS)


def test_one_process_and_several_are_never_both_started() -> None:
    """They would want the same address."""
    assert read_unit("invoices.service")["Unit"]["Conflicts"] == ["invoices.target"]
    assert read_unit("invoices.socket")["Unit"]["Conflicts"] == ["invoices-smtp.socket"]


def test_each_service_shows_its_metrics_elsewhere() -> None:
    """The setting of the file is one address for all, and the second service could not have it."""
    addresses = [read_unit(name)["Service"]["Environment"] for name in PARTS]

    assert len({tuple(address) for address in addresses}) == len(PARTS)
    assert all(address[0].startswith("INVOICES_METRICS__LISTEN=127.0.0.1:") for address in addresses)


@pytest.mark.parametrize("name", ["invoices-smtp.socket", "invoices.socket"])
def test_the_socket_is_where_the_settings_say(name: str) -> None:
    """Postfix finds the mailbox at one address, with systemd and without."""
    [address] = read_unit(name)["Socket"]["ListenStream"]

    assert (address,) == load(environment={}).smtp.listen


@pytest.mark.parametrize("name", DAEMONS)
def test_a_daemon_is_watched_and_wrong_settings_are_not_tried_again(name: str) -> None:
    """Exit status 2 says that another start will not help; a watchdog that is not answered, that one will."""
    service = read_unit(name)["Service"]

    assert (service["Restart"], service["RestartPreventExitStatus"]) == (["always"], ["2"])
    assert (service["Type"], service["WatchdogSec"]) == (["notify"], ["60"])
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert read_unit(name)["Unit"]["StartLimitIntervalSec"] == ["0"], "however often it dies"


def test_systemd_understands_the_units() -> None:
    """Where it is installed: no key is unknown, no value is wrong; only the program is not there yet."""
    names = sorted(file.name for file in UNITS.iterdir())
    verified = _analyze("verify", *(f"./{name}" for name in names))

    complaints = verified.stderr.splitlines() if verified else []
    ours = [line for line in complaints if line.startswith(("invoices", str(UNITS))) or str(UNITS) in line]
    assert [line for line in ours if "is not executable: No such file or directory" not in line] == []
