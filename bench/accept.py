"""Compares how fast mail is acknowledged, durably, by Postfix and by us, in turns: `python -m bench.accept`.

Load comes from smtp-source (Debian's postfix package), one mail a connection. After each run the mails are counted:
exit status 1 when one that was acknowledged is missing, or a client fails. docs/performance.md explains the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.database import ENGINES, database, server
from bench.postfix import Postfix
from bench.wave import BenchFailed
from fixtures.mailbox import Failed, Mailbox
from storage.store import Store

_TICKS = os.sysconf("SC_CLK_TCK")
_PROBES_A_SECOND = 20
_PATIENCE_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Case:
    """A load."""

    name: str
    octets: int
    sessions: int
    mails: int
    target: dict[str, float]  # least ratio to Postfix, by engine
    aim: float


CASES = [
    Case("10 KB, 50 sessions", 10_240, 50, 8000, {"sqlite": 3.0, "postgresql": 2.5}, 5.0),
    Case("10 KB, 10 sessions", 10_240, 10, 6000, {"sqlite": 3.0, "postgresql": 2.5}, 5.0),
    Case("100 KB, 50 sessions", 102_400, 50, 3000, {"sqlite": 2.5, "postgresql": 1.5}, 4.0),
    Case("100 KB, 10 sessions", 102_400, 10, 3000, {"sqlite": 2.5, "postgresql": 1.5}, 4.0),
    Case("1 MB, 10 sessions", 1_048_576, 10, 500, {"sqlite": 2.0, "postgresql": 1.5}, 3.0),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One competitor under one load."""

    acknowledged_per_second: float
    delivered_per_second: float | None  # until the last mail lies in its maildir; None for ours
    cpu_milliseconds: float  # a mail, of all its processes
    p50_milliseconds: float  # from connecting to the answer after the content, of a client beside the load
    p99_milliseconds: float


def main(arguments: list[str]) -> int:
    """Runs the benchmark; the exit status."""
    wanted = _parsed(arguments)
    figures: dict[str, dict[str, list[Run]]] = {}
    try:
        with server(wanted.database) as server_url:
            for case in _chosen(wanted):
                runs = figures[case.name] = {"postfix": [], "ours": []}
                for number in range(wanted.rounds):
                    order = ("postfix", "ours") if number % 2 == 0 else ("ours", "postfix")
                    for who in order:
                        print(f"{case.name}, round {number + 1}: {who} ...", file=sys.stderr, flush=True)
                        runs[who].append(_run(who, case, server_url, wanted))
                print(_told(case, runs, wanted.database), flush=True)
    except (BenchFailed, Failed, OSError) as error:
        print(f"The benchmark failed: {error}", file=sys.stderr)
        return 1
    if wanted.json:
        told = {
            name: {who: [asdict(run) for run in runs] for who, runs in of.items()}
            for name, of in figures.items()
        }
        print(json.dumps(told))
    return 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.accept", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="rounds, in turns (%(default)s)")
    parser.add_argument("--cases", nargs="*", default=[], help="only cases whose name begins so")
    parser.add_argument("--database", choices=ENGINES, default="sqlite", help="our engine (%(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="ours that take mail in (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the mails, one round")
    parser.add_argument("--folder", type=Path, help="where the data lies, so which disk is measured")
    parser.add_argument("--json", action="store_true", help="also figures for machines, as the last line")
    wanted = parser.parse_args(arguments)
    if wanted.quick:
        wanted.rounds = 1
    return wanted


def _chosen(wanted: argparse.Namespace) -> Iterator[Case]:
    for case in CASES:
        if not wanted.cases or any(case.name.startswith(start) for start in wanted.cases):
            mails = case.mails // 10 if wanted.quick else case.mails
            yield Case(case.name, case.octets, case.sessions, mails, case.target, case.aim)


def _run(who: str, case: Case, server_url: str | None, wanted: argparse.Namespace) -> Run:
    with tempfile.TemporaryDirectory(prefix="bench-accept-", dir=wanted.folder) as name:
        if who == "postfix":
            return _postfix_run(case, Path(name))
        with database(server_url, Path(name)) as url:
            return _our_run(case, Path(name), url, wanted.processes)


def _postfix_run(case: Case, folder: Path) -> Run:
    postfix = Postfix(folder)
    postfix.start()
    try:
        pid = postfix.pid
        with _warmed(("127.0.0.1", postfix.port), lambda: _cpu(pid)) as load:
            load.send(case)
            postfix.wait_until_delivered(load.acknowledged)
            return load.run(delivered=True)
    finally:
        postfix.stop()


def _our_run(case: Case, folder: Path, url: str, processes: int) -> Run:
    mailbox = Mailbox(folder, {"DATABASE__URL": url, "SMTP__PROCESSES": str(processes)})
    mailbox.program = [*mailbox.program, "smtp"]
    with mailbox.serving():
        assert mailbox.daemon is not None
        pid = mailbox.daemon.pid
        with _warmed(mailbox.address, lambda: _cpu(pid)) as load:
            load.send(case)
            run = load.run(delivered=False)
            acknowledged, ids = load.acknowledged, load.ids
    store = Store.open(url)
    try:
        with store.reading() as records:
            stored = {mail.id for mail in records.mails.select()}
    finally:
        store.close()
    if len(stored) != acknowledged or not ids <= stored:
        raise BenchFailed(f"{acknowledged} mails were acknowledged, {len(stored)} are on record")
    return run


class _Load:
    """smtp-source, and beside it a client of ours that takes the time."""

    def __init__(self, address: tuple[str, int], cpu: Callable[[], float]) -> None:
        self._address = address
        self._cpu = cpu
        self._waits: list[float] = []
        self.acknowledged = 0
        self.ids: set[str] = set()  # what the answers to our own client named
        self._mails = 0
        self._seconds = 0.0
        self._used = 0.0
        self._began = 0.0

    def send(self, case: Case) -> None:
        """Sends everything; stops when a client fails. Raises BenchFailed."""
        over = threading.Event()
        probe = threading.Thread(target=self._probe, args=(case, over))
        probe.start()
        used, self._began = self._cpu(), time.perf_counter()
        done = subprocess.run(
            [
                *("/usr/sbin/smtp-source", "-s", str(case.sessions), "-l", str(case.octets)),
                *("-m", str(case.mails), "-f", "billing@supplier.example", "-t", "invoices@company.example"),
                f"{self._address[0]}:{self._address[1]}",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
        self._seconds = time.perf_counter() - self._began
        over.set()
        probe.join()
        self._used = self._cpu() - used
        if done.returncode or done.stderr.strip():
            raise BenchFailed(f"smtp-source failed: {done.stderr.strip() or done.returncode}")
        self._mails = case.mails
        self.acknowledged += case.mails

    def run(self, *, delivered: bool) -> Run:
        """The figures, once everything is where it should be."""
        waits = sorted(self._waits) or [0.0]
        whole = time.perf_counter() - self._began
        return Run(
            acknowledged_per_second=self._mails / self._seconds,
            delivered_per_second=self._mails / whole if delivered else None,
            cpu_milliseconds=self._used / self._mails * 1000,
            p50_milliseconds=statistics.median(waits) * 1000,
            p99_milliseconds=waits[min(len(waits) - 1, len(waits) * 99 // 100)] * 1000,
        )

    def say(self, number: int, octets: int) -> None:
        """One mail of our own, whose content is like nobody else's."""
        began = time.perf_counter()
        content = b"Subject: probe %d %d\r\n\r\n" % (number, time.time_ns()) + b"x" * 70 + b"\r\n"
        content += (b"X" * 76 + b"\r\n") * (octets // 78)
        with socket.create_connection(self._address, timeout=60) as client, client.makefile("rb") as replies:
            _expect(replies.readline(), b"220")
            for command in (
                b"HELO probe.example",
                b"MAIL FROM:<billing@supplier.example>",
                b"RCPT TO:<invoices@company.example>",
            ):
                client.sendall(command + b"\r\n")
                _expect(replies.readline(), b"250")
            client.sendall(b"DATA\r\n")
            _expect(replies.readline(), b"354")
            client.sendall(content + b".\r\n")
            answer = replies.readline()
            _expect(answer, b"250")
            client.sendall(b"QUIT\r\n")
            replies.readline()
        self._waits.append(time.perf_counter() - began)
        self.acknowledged += 1
        self.ids.add(answer.decode().split()[-1])

    def _probe(self, case: Case, over: threading.Event) -> None:
        number = 0
        while not over.wait(1 / _PROBES_A_SECOND):
            number += 1
            self.say(number, case.octets)


@contextmanager
def _warmed(address: tuple[str, int], cpu: Callable[[], float]) -> Iterator[_Load]:
    load = _Load(address, cpu)
    load.say(0, 100)
    load._waits.clear()
    yield load


def _expect(reply: bytes, code: bytes) -> None:
    if not reply.startswith(code):
        raise BenchFailed(f"expected {code.decode()}, got {reply.decode(errors='replace').strip()!r}")


def _cpu(pid: int) -> float:
    """Seconds of processor time of a process and everything below it, those that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    used = sum(int(field) for field in fields[11:15]) / _TICKS
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            used += _cpu(int(child))
        except OSError:
            continue  # it has ended just now
    return used


def _told(case: Case, runs: dict[str, list[Run]], engine: str) -> str:
    rates = {who: [run.acknowledged_per_second for run in of] for who, of in runs.items()}
    ratios = [ours / theirs for ours, theirs in zip(rates["ours"], rates["postfix"], strict=True)]
    said = (
        f"{case.name}: ours to Postfix {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f}); at least {case.target[engine]:g}, the aim {case.aim:g}"
    )
    return "\n".join([said, *(_line(who, of) for who, of in runs.items())])


def _line(who: str, runs: Sequence[Run]) -> str:
    rates = [run.acknowledged_per_second for run in runs]
    delivered = [run.delivered_per_second for run in runs if run.delivered_per_second is not None]
    said = (
        f"  {who:8} acknowledged/s {min(rates):6.0f} {statistics.median(rates):6.0f} {max(rates):6.0f}"
        f"   CPU {statistics.median(run.cpu_milliseconds for run in runs):6.2f} ms a mail"
        f"   p50 {statistics.median(run.p50_milliseconds for run in runs):6.1f} ms"
        f"   p99 {statistics.median(run.p99_milliseconds for run in runs):6.1f} ms"
    )
    return said + (f"   delivered/s {statistics.median(delivered):.0f}" if delivered else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
