"""How long mail waits for its 250 while retention deletes, in turns with how long it waits alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from statistics import median
from typing import Any

from bench.figures import percentile
from bench.made_up_mail import made_up_mail
from storage.store import Store

MAILS_A_SECOND = 40
MAIL_OCTETS = 10_000
_WARM_SECONDS = 2.0


def beside(url: str, rounds: int, seconds: float) -> dict[str, Any]:
    """Takes mail in for `seconds` alone and for `seconds` beside a run, `rounds` times in turns.

    Each run begins when its time does and ends as runs end: with what it deletes given back to the disk.
    """
    store = Store.open(url)
    _accept(store, _WARM_SECONDS)
    alone: list[list[float]] = []
    along: list[list[float]] = []
    deleted, deleting = 0, 0.0
    for _ in range(rounds):
        alone.append(_accept(store, seconds))
        before = _deleted(store)
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.retention", "--sweep", url, "--kind", "--for", str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        process.stdout.readline()  # it is about to begin
        ended = threading.Event()
        waiting = threading.Thread(target=_wait, args=(process, ended))
        waiting.start()
        begun = time.monotonic()
        along.append(_accept(store, seconds, ended))
        waiting.join()
        deleting += time.monotonic() - begun
        deleted += _deleted(store) - before
    store.close()
    every_alone = [wait for waits in alone for wait in waits]
    every_along = [wait for waits in along for wait in waits]
    ratios = [percentile(b, 0.99) / percentile(a, 0.99) for a, b in zip(alone, along, strict=True)]
    return {
        "alone_ms": _waits(every_alone),
        "beside_ms": _waits(every_along),
        "ratio_p99": percentile(every_along, 0.99) / percentile(every_alone, 0.99),
        "ratio_p99_by_round": [round(ratio, 2) for ratio in ratios],
        "ratio_p99_median_of_rounds": median(ratios),
        "mails": [len(every_alone), len(every_along)],
        "deleted": deleted,
        "deleted_per_second": deleted / deleting,
    }


def _wait(process: subprocess.Popen[str], ended: threading.Event) -> None:
    process.communicate()
    ended.set()
    if process.returncode:
        print(f"retention ended with {process.returncode}", file=sys.stderr)
        os._exit(1)


def _accept(store: Store, seconds: float, until: threading.Event | None = None) -> list[float]:
    """Takes mails in by the clock for `seconds`, and on until `until`; how long each waited, in milliseconds."""
    waits: list[float] = []
    begun = time.monotonic()
    number = 0
    while time.monotonic() - begun < seconds or not (until is None or until.is_set()):
        time.sleep(max(0.0, begun + number / MAILS_A_SECOND - time.monotonic()))
        # All that are due share a commit, as they do in the daemon.
        due: list[float] = []
        while (at := begun + (number + len(due)) / MAILS_A_SECOND) <= time.monotonic():
            due.append(at)
        store.add_mails([made_up_mail(datetime.now(UTC), os.urandom(MAIL_OCTETS)) for _ in due])
        waits += [(time.monotonic() - at) * 1000 for at in due]
        number += len(due)
    return waits


def _deleted(store: Store) -> int:
    with store.reading() as records:
        counted = records.gate.counted()
    return counted["productive"] + counted["test"]


def _waits(waits: list[float]) -> dict[str, float]:
    return {
        "p50": percentile(waits, 0.5),
        "p99": percentile(waits, 0.99),
        "most": max(waits),
    }
