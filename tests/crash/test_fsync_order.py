"""No acknowledgement before the disk has the mail: the order of the system calls, seen from outside by strace."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from fixtures.mailbox import Mailbox

MAILS = 20
CALL = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(.*)$")


def _calls(trace: str) -> list[str]:
    """What happened, in order: each sync that has returned, each reply that went out."""
    happened = []
    for line in trace.splitlines():
        found = CALL.match(line)
        if found is None:
            continue
        name, rest = found.groups()
        if name in {"fdatasync", "fsync"} and rest.rstrip().endswith("= 0"):
            happened.append("synced")
        elif "354 End the mail" in rest:
            happened.append("354")
        elif "Ok: queued as" in rest:
            happened.append("250")
    return happened


def test_each_250_comes_after_a_sync_that_has_returned(tmp_path: Path) -> None:
    """One mail after the other, so that no sync can be for another mail."""
    mailbox = Mailbox(tmp_path)
    mailbox.program = [*mailbox.program, "smtp"]
    trace = tmp_path / "trace"
    with mailbox.serving():
        assert mailbox.daemon is not None
        watched = "trace=fsync,fdatasync,write,writev,sendto,sendmsg"
        tracer = subprocess.Popen(
            ["strace", "-f", "-e", watched, "-s", "80", "-o", trace, "-p", str(mailbox.daemon.pid)],
            stderr=subprocess.PIPE,
        )
        assert tracer.stderr is not None
        assert b"attached" in tracer.stderr.readline()
        for number in range(MAILS):
            mailbox.send(b"Subject: %d\r\n\r\nx\r\n" % number, ["order@firm.example"])
        tracer.terminate()
        tracer.communicate()
    calls = _calls(trace.read_text())

    assert calls.count("250") == MAILS
    for number, part in enumerate(_split(calls)):
        assert part[0] == "354"
        assert part[-1] == "250"
        assert "synced" in part[1:-1], f"mail {number}: {part}"


def _split(calls: list[str]) -> list[list[str]]:
    """The calls of each mail, from its 354 to its 250."""
    parts: list[list[str]] = []
    for call in calls:
        if call == "354":
            parts.append([call])
        elif parts and parts[-1][-1] != "250":
            parts[-1].append(call)
    return parts
