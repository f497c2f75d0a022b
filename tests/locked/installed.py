"""`python -m tests.locked.installed`: the main job of the installed package, under the systemd of a throwaway machine.

It is given as root within the machine of `debian/try`. It changes the settings, empties the mailbox, and starts every
unit; of the units only the time of retention is another.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fixtures.mailbox import Mailbox, patiently
from tests.certificates import self_signed
from tests.locked import main_job
from tests.post_office import post_office
from tests.program import program

STATE, SETTINGS = Path("/var/lib/invoices"), Path("/etc/invoices/invoices.toml")
UNITS, OWN_UNITS = Path("/lib/systemd/system"), Path("/etc/systemd/system")
PROBE = Path("/opt/invoices/forbidden.py")
PYTHON = "/opt/invoices/bin/python3"
SERVICES = [f"invoices-{part}.service" for part in ("smtp", "worker", "portal", "outbound")]
RETENTION = "invoices-retention.service"
OURS_ALONE = (
    "Type",
    "Restart",
    "RestartSec",
    "RestartPreventExitStatus",
    "WatchdogSec",
    "ExecReload",
    "Requires",
    "After",
)


def main(elsewhere: str) -> None:
    """Raises AssertionError when something is not as it should."""
    for name in (*SERVICES, RETENTION):
        _refuses(name, elsewhere)
    print(f"  what {len(SERVICES) + 1} units forbid is refused")
    with post_office() as office, program() as erp:
        _begin_anew(office.address)
        mailbox = Mailbox(STATE.parent)
        mailbox.environment = dict(os.environ)
        mailbox.command = Path("/usr/bin/invoices")
        mailbox.address = ("127.0.0.1", 8025)
        mailbox.log.touch()
        octets = STATE / "octets"
        main_job.does_all(mailbox, main_job.Browser("http://127.0.0.1:8080"), office, erp, octets)
        print(f"  {len(main_job.samples())} samples came out as their fixtures say, were shown and told of")
    later = (datetime.now(UTC) + timedelta(days=91)).isoformat()
    command = f"/opt/invoices/bin/invoices retention run --config {SETTINGS} --now {later}"
    drop_in = OWN_UNITS / f"{RETENTION}.d/later.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(f"[Service]\nExecStart=\nExecStart={command}\n", encoding="utf-8")
    _systemctl("daemon-reload")
    _systemctl("start", RETENTION)
    shutil.rmtree(drop_in.parent)
    _systemctl("daemon-reload")
    main_job.has_forgotten(mailbox)
    print("  retention deleted them 91 days later")
    denied = [line for line in _journal() if '"level": "error"' in line]
    assert denied == [], "\n".join(denied)


def _refuses(name: str, elsewhere: str) -> None:
    """Runs the forbidden attempts under a copy of the unit that differs in its command alone."""
    unit = (UNITS / name).read_text(encoding="utf-8")
    unit = re.sub(rf"^({'|'.join(OURS_ALONE)})=.*\n", "", unit, flags=re.MULTILINE)
    unit = re.sub(
        r"^ExecStart=.*", f"ExecStart={PYTHON} {PROBE} {STATE} {elsewhere}", unit, flags=re.MULTILINE
    )
    probe = f"probe-{name}"
    shutil.copy(Path(__file__).with_name("forbidden.py"), PROBE)
    (OWN_UNITS / probe).write_text(unit.replace("[Service]\n", "[Service]\nType=oneshot\n"), encoding="utf-8")
    _systemctl("daemon-reload")
    done = subprocess.run(["systemctl", "start", probe], capture_output=True, text=True, check=False)
    told = subprocess.run(
        ["journalctl", "--no-pager", "-u", probe], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{name}: {done.stderr}\n{told.stdout}"
    (OWN_UNITS / probe).unlink()
    PROBE.unlink()
    _systemctl("daemon-reload")


def _begin_anew(smarthost: str) -> None:
    _systemctl("stop", *SERVICES)
    for one in STATE.iterdir():
        shutil.rmtree(one) if one.is_dir() else one.unlink()
    certificate = SETTINGS.with_name("certificate.pem")
    certificate.write_bytes(self_signed(until=datetime.now(UTC) + timedelta(days=60)))
    shutil.chown(certificate, group="invoices")
    certificate.chmod(0o640)
    SETTINGS.write_text(
        f"""data_dir = "{STATE}"
[smtp]
tls_certificate = "{certificate}"
[blobs]
url = "file://{STATE}/octets"
encrypt = true
[outbound]
smarthost = "{smarthost}"
mail_from = "mailbox@mailbox.example"
mode = "link-and-attachment"
[webhooks]
allowed_networks = ["127.0.0.0/8"]
[authentication]
resolvers = []
""",
        encoding="utf-8",
    )
    octets = STATE / "octets"
    octets.mkdir()
    shutil.chown(octets, "invoices", "invoices")
    _systemctl("start", *SERVICES)
    for _ in patiently("the parts do not start"):
        done = subprocess.run(
            ["systemctl", "is-active", *SERVICES], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return


def _journal() -> list[str]:
    command = ["journalctl", "--no-pager", "-o", "cat", "-u", "invoices*"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def _systemctl(*arguments: str) -> None:
    subprocess.run(["systemctl", *arguments], check=True)


if __name__ == "__main__":
    main(sys.argv[1])
