"""How fast retention deletes, in how much memory, whom it disturbs, and whether the database keeps its size.

    python -m bench.retention [--database sqlite|postgresql] [--invoices 1000000] [--expired 100000] [--days 200]

The invoices are made up and written straight into the tables. The cost of each deletion is compared with that among a
tenth as many. Then mails are taken in at a steady rate, without retention and beside it. At last `--days` days are
played through, some mails a day, with a drill each day.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.database import ENGINES, database, server
from bench.figures import MIB, percentile
from bench.synthetic import fill
from ingest.receiving.transfer_key import transfer_digest
from retention.pace import SMALLEST_BATCH, Pace
from retention.worker import BATCH, drill, run
from storage.expiry import RetentionPeriods
from storage.ids import new_id
from storage.records.filing import Filing
from storage.records.mails import ContentInMemory, Envelope, IncomingMail, Outcome
from storage.store import Store

PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365)
STEADY = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=0)
DAY = timedelta(days=1)
MAILS_A_SECOND = 40
PROBE_SECONDS = 20
LEAST_SECONDS = 5  # of probing beside retention, for a p99 that means something


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


def _sweep(url: str, *, kind: bool) -> None:
    """A run in this process; tells what it came to. `kind`: it makes way for mail, as the timer's does."""
    store = Store.open(url)
    begun = time.monotonic()
    pace = Pace(store) if kind else None
    swept = run(store, PERIODS, datetime.now(UTC), pace=pace, batch=SMALLEST_BATCH if kind else BATCH)
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    store.close()
    told = [swept.productive + swept.test, seconds, used.ru_utime + used.ru_stime, _peak_mib()]
    print(json.dumps(told))


def _peak_mib() -> float:
    """Of this process alone; ru_maxrss begins with what its parent had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _started(url: str, *, kind: bool) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.retention", "--sweep", url, *(["--kind"] if kind else [])]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _ended(process: subprocess.Popen[str]) -> Run:
    told, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"retention ended with {process.returncode}")
    return Run(*json.loads(told.splitlines()[-1]))


def _mail(at: datetime, octets: bytes) -> IncomingMail:
    envelope = Envelope(
        reverse_path="billing@supplier.example",
        forward_paths=("invoices@company.example",),
        peer="127.0.0.1",
        helo="relay.example",
        tls=False,
        received_at=at,
    )
    return IncomingMail(
        id=new_id(),
        envelope=envelope,
        trace=b"",
        content=ContentInMemory(octets),
        transfer_digest=transfer_digest(octets, envelope),
    )


def _accept(store: Store, until: threading.Event, least_seconds: float) -> list[float]:
    """Takes mails in by the clock until told to stop; how long each waited for its 250, in milliseconds."""
    waits: list[float] = []
    begun = time.monotonic()
    number = 0
    while not until.is_set() or time.monotonic() - begun < least_seconds:
        time.sleep(max(0.0, begun + number / MAILS_A_SECOND - time.monotonic()))
        # All that are due share a commit, as they do in the daemon.
        due = []
        while (at := begun + (number + len(due)) / MAILS_A_SECOND) <= time.monotonic():
            due.append(at)
        store.add_mails([_mail(datetime.now(UTC), os.urandom(10_000)) for _ in due])
        waits += [(time.monotonic() - at) * 1000 for at in due]
        number += len(due)
    return waits


def _beside(url: str) -> dict[str, Any]:
    """p99 of taking mail in, alone and while retention deletes."""
    store = Store.open(url)
    over = threading.Event()
    over.set()
    _accept(store, over, 2)  # warm
    alone = _accept(store, over, PROBE_SECONDS)
    process = _started(url, kind=True)
    ended = threading.Event()
    results: list[Run] = []

    def wait() -> None:
        results.append(_ended(process))
        ended.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    beside = _accept(store, ended, LEAST_SECONDS)
    waiting.join()
    store.close()
    [swept] = results
    return {
        "alone_p50_ms": percentile(alone, 0.5),
        "alone_p99_ms": percentile(alone, 0.99),
        "beside_p50_ms": percentile(beside, 0.5),
        "beside_p99_ms": percentile(beside, 0.99),
        "ratio_p99": percentile(beside, 0.99) / percentile(alone, 0.99),
        "mails": [len(alone), len(beside)],
        "deleted": swept.deleted,
        "deleted_per_second": swept.per_second,
    }


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
        mails = [_mail(at, os.urandom(8000)) for _ in range(mails_a_day)]
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
        if day % 10 == 0 or day == days:
            sizes[str(day)] = _size(url, store) / MIB
    store.close()
    return sizes


def _measured(engine: str, invoices: int, expired: int) -> tuple[Run, dict[str, float]]:
    """One run over `expired` among `invoices`, and how long it took to make them."""
    with (
        server(engine) as address,
        tempfile.TemporaryDirectory(prefix="bench-retention-") as folder,
        database(address, Path(folder)) as url,
    ):
        begun = time.monotonic()
        fill(url, invoices, expired)
        filled = time.monotonic() - begun
        return _ended(_started(url, kind=False)), {"fill_seconds": filled}


def main(arguments: Sequence[str]) -> None:
    """Measures what is asked for, and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--database", choices=ENGINES, default="sqlite")
    parser.add_argument("--invoices", type=int, default=1_000_000)
    parser.add_argument("--expired", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=200, help="of the steady state; 0: leave it out")
    parser.add_argument("--mails-a-day", type=int, default=50)
    parser.add_argument(
        "--beside", type=int, default=20_000, help="expired ones while mail comes in; 0: none"
    )
    parser.add_argument("--sweep", help=argparse.SUPPRESS)
    parser.add_argument("--kind", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.sweep:
        _sweep(options.sweep, kind=options.kind)
        return
    figures: dict[str, Any] = {"database": options.database}
    if options.expired:
        small, _ = _measured(options.database, options.invoices // 10, options.expired // 10)
        large, about = _measured(options.database, options.invoices, options.expired)
        figures |= {
            "among": {
                str(options.invoices // 10): _run_figures(small),
                str(options.invoices): _run_figures(large) | about,
            },
            "cost_ratio": large.milliseconds / small.milliseconds,
            "processor_ratio": (large.processor_seconds / large.deleted)
            / (small.processor_seconds / small.deleted),
        }
    with (
        server(options.database) as address,
        tempfile.TemporaryDirectory(prefix="bench-retention-") as folder,
    ):
        if options.beside:
            with database(address, Path(folder)) as url:
                fill(url, options.beside * 5, options.beside)
                figures["accept"] = _beside(url)
        if options.days:
            steady = Path(folder, "steady")
            steady.mkdir()
            with database(address, steady) as url:
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
