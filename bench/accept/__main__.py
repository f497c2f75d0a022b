"""Compares the accept path of Postfix, Haraka and ours, in turns: `python -m bench.accept`.

Load comes from smtp-source (Debian's postfix package), one mail a connection; under STARTTLS from a client of its own.
Exit status 1 when a client fails, or a competitor has not kept each mail it acknowledged.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from bench.accept import comparison
from bench.accept.comparison import Figures, Run, mails_for, order, within
from bench.accept.dialogue import mail
from bench.accept.haraka import VERSION as HARAKA_VERSION
from bench.accept.haraka import install
from bench.accept.load import CASES, Case, program, send
from bench.accept.peers import HARAKA, OPENERS, OURS, POSTFIX, SINK, Peer, Place
from bench.accept.probe import Probe
from bench.database import ENGINES, run_in, server
from bench.limits import GROUP, disk
from bench.process_tree import parent
from bench.processes import machine
from bench.wave import BenchFailed
from fixtures.mailbox import Failed
from tests.certificates import self_signed

_SECONDS, _QUICK_SECONDS = 4.0, 1.0
_DISK_OCTETS = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """What all measurements of a run share."""

    folder: (
        Path | None
    )  # below it every competitor gets a folder of its own; None: the usual temporary folder
    certificate: Path
    seconds: float
    processes: int
    server_url: str | None
    server_pid: int | None
    haraka: Path | None


@dataclass(slots=True)
class _LeftOut:
    said: list[str] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    """Runs the comparison; the exit status."""
    wanted = _parsed(arguments)
    if wanted.folder is not None:
        tempfile.tempdir = str(wanted.folder)  # the PostgreSQL of bench.database goes to the same disk
    try:
        about, cases = _compared(wanted)
    except (BenchFailed, Failed, OSError) as error:
        print(f"The comparison failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if wanted.json:
        print(json.dumps({"about": about, "cases": cases}))
    else:
        print(comparison.text(about, cases))
    return 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0))
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="python -m bench.accept", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="rounds, in turns (%(default)s)")
    parser.add_argument(
        "--cases", nargs="+", choices=names, default=names, help="loads (all)", metavar="CASE"
    )
    parser.add_argument("--database", choices=ENGINES, default="sqlite", help="our engine (%(default)s)")
    parser.add_argument(
        "--processes", type=int, default=cores, help="of ours that take mail in (%(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="one round of a second each, for CI")
    parser.add_argument("--folder", type=Path, help="where the mails go, so which disk is measured")
    parser.add_argument("--no-haraka", action="store_true", help="Postfix and ours only")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    wanted = parser.parse_args(arguments)
    if min(wanted.rounds, wanted.processes) < 1:
        parser.error("--rounds and --processes are at least 1")
    if wanted.quick:
        wanted.rounds = 1
    return wanted


def _compared(wanted: argparse.Namespace) -> tuple[Figures, list[Figures]]:
    left_out = _LeftOut()
    haraka = None if wanted.no_haraka else _haraka(left_out)
    chosen = [case for case in CASES if case.name in wanted.cases]
    with (
        server(wanted.database) as server_url,
        tempfile.TemporaryDirectory(prefix="bench-accept-tls-") as name,
    ):
        if server_url is not None and not wanted.quick:
            _tell("PostgreSQL is run in ...")
            run_in(server_url)
        ring = Ring(
            folder=wanted.folder,
            certificate=_certificate(Path(name)),
            seconds=_QUICK_SECONDS if wanted.quick else _SECONDS,
            processes=wanted.processes,
            server_url=server_url,
            server_pid=_postmaster(server_url),
            haraka=haraka,
        )
        cases = [_case_figures(case, ring, wanted) for case in chosen]
    about = {
        "cores": len(os.sched_getaffinity(0)),
        "rounds": wanted.rounds,
        "seconds": ring.seconds,
        "processes": wanted.processes,
        "database": wanted.database,
        "titles": _titles(wanted),
        "left_out": left_out.said,
    }
    return about, cases


def _case_figures(case: Case, ring: Ring, wanted: argparse.Namespace) -> Figures:
    names = competitors(case, haraka=ring.haraka is not None)
    rounds: list[dict[str, Run]] = []
    for number in range(wanted.rounds):
        runs: dict[str, Run] = {}
        for name in order(names, number):
            _tell(f"{case.name}, round {number + 1} of {wanted.rounds}: {name} ...")
            runs[name] = measured(name, case, ring)
            _tell(f"  {runs[name].per_second:.0f} mails/s")
        rounds.append({name: runs[name] for name in names})
    content = mail(case.octets, "disk")
    groups = max(1, _DISK_OCTETS // (GROUP * len(content)))
    return comparison.case_figures(
        case, rounds, wanted.database, disk([content] * GROUP * groups, ring.folder).in_groups
    )


def competitors(case: Case, *, haraka: bool) -> list[str]:
    """Who takes part in a case: the sink knows no TLS, and only ours has a worker."""
    if case.worker:
        return [OURS]
    if case.tls:
        return [POSTFIX, OURS]
    return [POSTFIX, *([HARAKA] if haraka else []), OURS, SINK]


def measured(name: str, case: Case, ring: Ring) -> Run:
    """One competitor, started afresh, under one load; every mail is looked for. Raises BenchFailed, Failed, OSError."""
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-", dir=ring.folder) as folder:
        place = Place(
            folder=Path(folder),
            certificate=ring.certificate if case.tls else None,
            worker=case.worker,
            processes=ring.processes,
            server_url=ring.server_url,
            server_pid=ring.server_pid,
            haraka=ring.haraka,
        )
        with OPENERS[name](place) as peer:
            run = _loaded(peer, case, ring.seconds, place.certificate)
    os.sync()  # what this one left to be written must not slow the next one down
    return run


def _loaded(peer: Peer, case: Case, seconds: float, certificate: Path | None) -> Run:
    # The first mails make Postfix start its processes; the next ones tell how many take `seconds`.
    first = send(case, peer.address, 2 * case.sessions, certificate)
    trial = send(case, peer.address, case.trial, certificate)
    before = first.mails + trial.mails
    peer.settle(before)
    mails = mails_for(trial.per_second, seconds, case.sessions)
    with _probing(peer, case, certificate) as probe:
        used, cores = peer.processor_seconds(), machine()
        load = send(case, peer.address, mails, certificate)
        used_after, cores_after = peer.processor_seconds(), machine()
        probed = probe.end()
    waits = within(load.begun, load.ended, [(one.transfer.begun, one.transfer.answered) for one in probed])
    acknowledged = mails + len(probed)
    follows = peer.settle(before + acknowledged)
    settled = time.monotonic()
    peer.check(before + acknowledged, first.ids | trial.ids | load.ids, probed, case.octets)
    whole = sum((cores_after.busy, cores_after.idle, cores_after.stolen))
    whole -= sum((cores.busy, cores.idle, cores.stolen))
    return Run(
        mails=mails + len(waits),
        seconds=load.ended - load.begun,
        processor_seconds={part: used_after[part] - used[part] for part in used},
        client_seconds=load.processor_seconds,
        waits=tuple(waits),
        delivered_seconds=settled - load.begun if follows else None,
        delivered_mails=acknowledged,
        idle=(cores_after.idle - cores.idle) / whole,
        stolen=(cores_after.stolen - cores.stolen) / whole,
    )


@contextmanager
def _probing(peer: Peer, case: Case, certificate: Path | None) -> Iterator[Probe]:
    probe = Probe(peer.address, case.octets, certificate)
    try:
        yield probe
    finally:
        probe.kill()


def _haraka(left_out: _LeftOut) -> Path | None:
    try:
        return install()
    except (BenchFailed, OSError) as error:
        left_out.said.append(f"Haraka ({error})")
        _tell(f"Not measured: Haraka ({error})")
        return None


def _certificate(folder: Path) -> Path:
    path = folder / "mx.pem"
    path.write_bytes(self_signed(until=datetime.now(UTC) + timedelta(days=29)))
    return path


def _postmaster(server_url: str | None) -> int | None:
    """The first process of the database server, which every backend is a child of."""
    if server_url is None:
        return None
    with psycopg.connect(server_url) as connection:
        durable = connection.execute("SHOW fsync").fetchone()
        if durable != ("on",):
            raise BenchFailed(f"PostgreSQL runs with fsync {durable}; its figures would mean nothing")
        return parent(connection.info.backend_pid)


def _titles(wanted: argparse.Namespace) -> dict[str, str]:
    postconf = [program("postconf", "postfix"), "-h", "-d", "mail_version"]
    version = subprocess.run(postconf, capture_output=True, text=True, check=False).stdout.strip()
    return {
        POSTFIX: f"Postfix {version}, maildir",
        HARAKA: f"Haraka {HARAKA_VERSION}, queue of files",
        OURS: f"ours, {wanted.database}",
        SINK: "smtp-sink, which keeps nothing",
    }


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
