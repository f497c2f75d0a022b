"""Measures how fast mails get from socket to record, where the time goes, and whether memory grows: `make bench`.

Exit status 1 when a sender failed, a mail is not on record afterwards, the daemon logged trouble, or memory grew by
more than --growth. docs/performance.md explains the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from bench import report
from bench.database import ENGINES, database, server
from bench.limits import disk, libraries
from bench.mails import bench_mail, write_mails
from bench.round import Load, Round, register, run_round
from bench.steps import measured_steps
from bench.wave import BenchFailed
from fixtures.mailbox import Failed, Mailbox

SAMPLE = 100  # mails by which steps and limits are measured
_DATABASE_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL (whose server counts as another program)"}
MIX = "2 hybrid PDFs of 170 KB : 2 XML of 15 KB : 1 plain PDF of 60 KB"


def main(arguments: list[str]) -> int:
    """Runs the benchmark; the exit status."""
    wanted = _parsed(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-mails-", dir=wanted.folder) as name:
            figures, wrong = _measured(wanted, Path(name))
    except (BenchFailed, Failed, OSError) as error:
        print(f"The benchmark failed: {error}", file=sys.stderr)
        return 1
    print(json.dumps(figures) if wanted.json else report.text(figures))
    for what in wrong:
        print(f"WRONG: {what}", file=sys.stderr)
    return 1 if wrong else 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--mails", type=int, default=2000, help="mails a round (%(default)s)")
    parser.add_argument("--wave", type=int, default=500, help="mails sent at once (%(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds, each with a fresh daemon (%(default)s)"
    )
    parser.add_argument("--sessions", type=int, default=20, help="concurrent connections (%(default)s)")
    parser.add_argument("--mails-per-session", type=int, default=1, help="mails a connection (%(default)s)")
    parser.add_argument("--database", choices=ENGINES, default="sqlite", help="engine (%(default)s)")
    parser.add_argument(
        "--growth", type=float, default=32.0, help="memory may grow by so many MiB (%(default)s)"
    )
    parser.add_argument("--folder", type=Path, help="where temporary files go, so which disk is measured")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    wanted = parser.parse_args(arguments)
    if min(wanted.wave, wanted.rounds, wanted.sessions, wanted.mails_per_session) < 1:
        parser.error("--wave, --rounds, --sessions and --mails-per-session are at least 1")
    if wanted.mails < 2 * wanted.wave:
        parser.error("--mails is at least twice --wave: growth is seen from the first wave to the last")
    return wanted


def _measured(wanted: argparse.Namespace, mails_folder: Path) -> tuple[report.Figures, list[str]]:
    _tell(f"Making {wanted.mails} mails ...")
    octets = write_mails(mails_folder, range(wanted.mails))
    load = Load(
        mails_folder=mails_folder,
        mails=wanted.mails,
        wave=wanted.wave,
        sessions=wanted.sessions,
        mails_per_session=wanted.mails_per_session,
    )
    sample = [bench_mail(index) for index in range(SAMPLE)]
    with server(wanted.database) as server_url:
        rounds = [_told_round(number, load, server_url, wanted) for number in range(1, wanted.rounds + 1)]
        _tell("Steps and limits ...")
        with database(server_url, mails_folder) as url:
            register(Mailbox(mails_folder, {"DATABASE__URL": url}))
            steps = measured_steps(sample, url)
    sample_octets = [mail.octets for mail in sample]
    cores = len(os.sched_getaffinity(0))
    told = [report.round_figures(one, cores) for one in rounds]
    limits = report.limit_figures(libraries(sample_octets), disk(sample_octets, wanted.folder), cores, told)
    about = {
        "mails": wanted.mails,
        "mean_octets": octets / wanted.mails,
        "mix": MIX,
        "database": _DATABASE_NAMES[wanted.database],
        "sessions": wanted.sessions,
        "mails_per_session": wanted.mails_per_session,
        "wave": wanted.wave,
        "cores": cores,
    }
    figures = {
        "about": about,
        "rounds": told,
        "steps_milliseconds": report.step_figures(steps),
        "limits": limits,
    }
    return figures, report.verdicts(rounds, wanted.growth)


def _told_round(number: int, load: Load, server_url: str | None, wanted: argparse.Namespace) -> Round:
    _tell(f"Round {number} of {wanted.rounds} ...")
    return run_round(load, server_url, wanted.folder)


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
