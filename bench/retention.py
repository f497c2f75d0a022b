"""How fast retention deletes, in how much memory, whom it disturbs, and whether the database keeps its size.

    python -m bench.retention [--database sqlite|postgresql] [--invoices 1000000] [--expired 100000] [--days 200]

The invoices are made up and written straight into the tables. Mails are taken in at a steady rate, without retention
and beside it, in turns. Then everything due is deleted, and the cost of each deletion compared with that among a tenth
as many. At last `--days` days are played through, some mails a day, with a drill each day.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from bench.database import ENGINES, database, server
from bench.figures import MIB
from bench.made_up_mail import made_up_mail
from bench.retention_beside import beside
from bench.synthetic import fill
from retention.hurry import in_no_hurry
from retention.pace import SMALLEST_BATCH, Pace
from retention.worker import BATCH, Pacing, drill, run
from storage.database.journal import Journal
from storage.expiring.expiry import RetentionPeriods
from storage.records.filing import Filing
from storage.records.mails import Outcome
from storage.store import Store

PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365)
STEADY = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=0)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of retention came to, in a process of its own."""

    deleted: int  # invoices; as many mails
    seconds: float
    processor_seconds: float
    peak_mib: float

    @property
    def per_second(self) -> float:
        """Invoices with their mails."""
        return self.deleted / self.seconds

    @property
    def milliseconds(self) -> float:
        """Elapsed, for each invoice with its mail."""
        return self.seconds * 1000 / self.deleted


class _Over(Exception):  # noqa: N818  -- no error: it was told to end
    """A run has had its time."""


class _Told:
    """A pace that goes on, rests and ends by the words on its standard input."""

    def __init__(self, pace: Pace, journal: Journal) -> None:
        self._pace = pace
        self._journal = journal

    def wait(self) -> None:
        """Rests until it is told to go on."""
        print("rests", flush=True)
        if sys.stdin.readline().strip() != "go":
            raise _Over

    def begins(self) -> None:
        self._pace.begins()

    def ended(self, size: int) -> int:
        following = self._pace.ended(size)
        if select.select([sys.stdin], [], [], 0)[0]:
            if sys.stdin.readline().strip() != "rest":
                raise _Over
            self._journal.relieve()  # what it left to be done is nobody's mail
            self.wait()
        return following


def _sweep(url: str, *, kind: bool, told: bool) -> None:
    """A run in this process; tells what it came to. `kind`: it makes way for mail, as the timer's does."""
    if kind:
        os.nice(10)  # as its unit of systemd's
        in_no_hurry()  # as its command
    store = Store.open(url)
    pace = Pace(store) if kind else None
    begun = time.monotonic()
    deleted = 0
    try:
        pacing: Pacing | None = pace
        if pace is not None and told:
            pacing = _Told(pace, store.journal)
            pacing.wait()
        swept = run(store, PERIODS, datetime.now(UTC), pace=pacing, batch=SMALLEST_BATCH if kind else BATCH)
        deleted = swept.productive + swept.test
    except _Over:
        store.octets.free()
        store.settle()
        store.journal.forget()
        print("ended", flush=True)
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    store.close()
    print(json.dumps([deleted, seconds, used.ru_utime + used.ru_stime, _peak_mib()]))


def _peak_mib() -> float:
    """Of this process alone; ru_maxrss begins with what its parent had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _whole_run(url: str) -> Run:
    """A run that deletes everything that is due, as quickly as it can, in a process of its own."""
    command = [sys.executable, "-m", "bench.retention", "--sweep", url]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return Run(*json.loads(told.splitlines()[-1]))


def _size(url: str, store: Store) -> int:
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        return sum(one.stat().st_size for one in file.parent.glob(file.name + "*") if one.is_file())
    return store.size()


def _steady(url: str, days: int, mails_a_day: int) -> dict[str, float]:
    """The database's size in MiB by day: some mails come in each day, a drill runs each day."""
    store = Store.open(url)
    begun = datetime.now(UTC) - days * DAY
    sizes: dict[str, float] = {}
    for day in range(1, days + 1):
        at = begun + day * DAY
        mails = [made_up_mail(at, os.urandom(8000)) for _ in range(mails_a_day)]
        store.add_mails(mails)
        with store.transaction() as records:
            records.mails.claim(by="bench", now=at, lease=DAY, limit=mails_a_day)
            for mail in mails:
                filing = Filing(
                    mail_id=mail.id,
                    outcome=Outcome.NO_INVOICE,
                    reason=None,
                    message=None,
                    received_at=at,
                    expires_at=at + 90 * DAY,
                )
                assert records.mails.file(filing, by="bench")
        drill(store, STEADY, at)
        _vacuum(url)
        if day % 10 == 0 or day == days:
            sizes[str(day)] = _size(url, store) / MIB
    store.close()
    return sizes


def _vacuum(url: str) -> None:
    """What PostgreSQL does by itself within a day; in a benchmark a day has half a second."""
    if not url.startswith("sqlite"):
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("VACUUM")


def _measured(
    engine: str, invoices: int, expired: int, *, slim: bool, rounds: int = 0, seconds: float = 0
) -> tuple[Run, dict[str, Any]]:
    """One run over `expired` among `invoices`; before it, rounds of mail alone and beside runs."""
    with (
        server(engine) as address,
        tempfile.TemporaryDirectory(prefix="bench-retention-") as folder,
        database(address, Path(folder)) as url,
    ):
        begun = time.monotonic()
        fill(url, invoices, expired, slim=slim)
        about: dict[str, Any] = {"fill_seconds": time.monotonic() - begun}
        os.sync()  # what the filling left to be written is nobody's mail
        if rounds:
            about["accept"] = beside(url, rounds, seconds)
        return _whole_run(url), about


def main(arguments: Sequence[str]) -> None:
    """Measures what is asked for, and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--database", choices=ENGINES, default="sqlite")
    parser.add_argument("--invoices", type=int, default=1_000_000)
    parser.add_argument("--expired", type=int, default=100_000)
    parser.add_argument("--slim", action="store_true", help="smaller rows, so that more fit the disk")
    parser.add_argument("--days", type=int, default=200, help="of the steady state; 0: leave it out")
    parser.add_argument("--mails-a-day", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=10, help="of mail alone and beside a run; 0: none")
    parser.add_argument("--seconds", type=float, default=4, help="of each half of a round")
    parser.add_argument("--sweep", help=argparse.SUPPRESS)
    parser.add_argument("--kind", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--told", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    gc.freeze()  # as the commands do: else a collection keeps the turn to write for 70 ms
    if options.sweep:
        _sweep(options.sweep, kind=options.kind, told=options.told)
        return
    figures: dict[str, Any] = {"database": options.database}
    if options.expired:
        small, _ = _measured(
            options.database, options.invoices // 10, options.expired // 10, slim=options.slim
        )
        large, about = _measured(
            options.database,
            options.invoices,
            options.expired,
            slim=options.slim,
            rounds=options.rounds,
            seconds=options.seconds,
        )
        figures |= {
            "among": {
                str(options.invoices // 10): _run_figures(small),
                str(options.invoices): _run_figures(large) | about,
            },
            "cost_ratio": large.milliseconds / small.milliseconds,
            "processor_ratio": (large.processor_seconds / large.deleted)
            / (small.processor_seconds / small.deleted),
        }
    if options.days:
        with (
            server(options.database) as address,
            tempfile.TemporaryDirectory(prefix="bench-retention-") as folder,
            database(address, Path(folder)) as url,
        ):
            figures["steady_mib_by_day"] = _steady(url, options.days, options.mails_a_day)
    print(json.dumps(figures, indent=2))


def _run_figures(one: Run) -> dict[str, float]:
    return {
        "deleted": one.deleted,
        "seconds": one.seconds,
        "invoices_and_mails_per_second": one.per_second,
        "milliseconds_each": one.milliseconds,
        "processor_milliseconds_each": one.processor_seconds * 1000 / one.deleted,
        "peak_mib": one.peak_mib,
    }


if __name__ == "__main__":
    main(sys.argv[1:])
