"""Measures what hostile mails cost: memory over idle, and how long others wait: `python -m bench.hostile`.

The limits: 64 MiB over idle; the event loop held up for at most 100 ms, as a client sees that says NOOP all the time.
Exit status 1 when a limit is broken or a sender fails.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fixtures.mailbox import Mailbox

MEMORY_LIMIT = 64.0  # MiB over idle
WAIT_LIMIT = 100.0  # milliseconds
_LINES = b"X" * 76 + b"\r\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A load, and the beginning of the answer that each of its mails must get."""

    name: str
    sessions: int
    pieces: Callable[[int], Iterable[bytes]]  # of the content, for a session's number; without the last dot
    answer: bytes


def _repeated(piece: bytes, times: int) -> Iterable[bytes]:
    return (piece for _ in range(times))


def _large(number: int) -> Iterable[bytes]:
    yield b"Subject: %d\r\n\r\n" % number
    yield from _repeated(_LINES * 1000, 25_000_000 // (len(_LINES) * 1000))
    yield b"\r\n"


CASES = [
    Case("33 MB of empty lines", 1, lambda _: _repeated(b"\r\n" * 50_000, 330), b"250"),
    Case("300 MB without a line end", 1, lambda _: _repeated(b"x" * 1_000_000, 300), b"552"),
    Case("50 sessions with 25 MB each", 50, _large, b"250"),
]


def measured(case: Case, folder: Path) -> dict[str, object]:
    """Runs one case against a fresh daemon. Raises RuntimeError when a mail gets another answer."""
    mailbox = Mailbox(folder)
    mailbox.program = [*mailbox.program, "smtp"]
    with mailbox.serving():
        assert mailbox.daemon is not None
        pid = mailbox.daemon.pid
        _talk(mailbox, Case("warm-up", 1, lambda _: [b"x\r\n"], b"250"), 0, [])
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak counts from here (proc(5))
        idle = _mebibytes(pid, "VmRSS")
        over = threading.Event()
        waits: list[float] = []
        probe = threading.Thread(target=_probe, args=(mailbox, over, waits))
        probe.start()
        wrong: list[bytes] = []
        senders = [
            threading.Thread(target=_talk, args=(mailbox, case, number, wrong))
            for number in range(case.sessions)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        over.set()
        probe.join()
        if wrong:
            raise RuntimeError(f"{case.name}: answered {wrong[0].decode(errors='replace')!r}")
        return {
            "case": case.name,
            "idle_mebibytes": round(idle, 1),
            "over_idle_mebibytes": round(_mebibytes(pid, "VmHWM") - idle, 1),
            "longest_wait_milliseconds": round(max(waits) * 1000, 1),
        }


def _mebibytes(pid: int, field: str) -> float:
    [line] = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith(field)]
    return int(line.split()[1]) / 1024


def _talk(mailbox: Mailbox, case: Case, number: int, wrong: list[bytes]) -> None:
    with socket.create_connection(mailbox.address, timeout=300) as client, client.makefile("rb") as replies:
        replies.readline()
        for command in (b"HELO c", b"MAIL FROM:<a@x.example>", b"RCPT TO:<b@y.example>", b"DATA"):
            client.sendall(command + b"\r\n")
            replies.readline()
        try:
            for piece in case.pieces(number):
                client.sendall(piece)
            client.sendall(b".\r\n")
        except OSError:
            pass  # an endless mail is cut off; its answer is there all the same
        try:
            answer = replies.readline()
        except OSError as error:
            answer = str(error).encode()
        if not answer.startswith(case.answer):
            wrong.append(answer)


def _probe(mailbox: Mailbox, over: threading.Event, waits: list[float]) -> None:
    """An honest client beside them: how long each NOOP takes, in seconds."""
    while not over.is_set():
        with socket.create_connection(mailbox.address, timeout=60) as client:
            client.recv(1000)
            client.sendall(b"HELO probe\r\n")
            client.recv(1000)
            for _ in range(80):
                began = time.perf_counter()
                client.sendall(b"NOOP\r\n")
                client.recv(1000)
                waits.append(time.perf_counter() - began)
                time.sleep(0.005)
                if over.is_set():
                    return


def main(arguments: list[str]) -> int:
    """Runs every case; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the data lies, so which disk is measured")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    wanted = parser.parse_args(arguments)
    figures = []
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="bench-hostile-", dir=wanted.folder) as name:
            figures.append(measured(case, Path(name)))
    if wanted.json:
        print(json.dumps(figures))
    else:
        for one in figures:
            print(
                f"{one['case']:30} {one['over_idle_mebibytes']:6} MiB over idle,"
                f" others waited at most {one['longest_wait_milliseconds']:6} ms"
            )
    broken = [
        one
        for one in figures
        if float(str(one["over_idle_mebibytes"])) > MEMORY_LIMIT
        or float(str(one["longest_wait_milliseconds"])) > WAIT_LIMIT
    ]
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
