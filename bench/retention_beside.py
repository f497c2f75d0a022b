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
_STOP_MS = 30.0  # no mail waits so long for anything of ours, so that the disk stood still


def beside(url: str, rounds: int, seconds: float) -> dict[str, Any]:
    """Takes mail in for `seconds` alone and for `seconds` beside one and the same run, `rounds` times in turns.

    The disk of a machine has better and worse minutes, so the turns are to be short. The run ends as runs end, beside
    mail: with what it deleted given back to the disk.
    """
    store = Store.open(url)
    _accept(store, _WARM_SECONDS)
    alone: list[list[float]] = []
    along: list[list[float]] = []
    before, deleting = _deleted(store), 0.0
    with _Sweep(url) as sweep:
        for number in range(1, rounds + 1):
            alone.append(_accept(store, seconds))
            begun = time.monotonic()
            sweep.goes_on()
            waits = _accept(store, seconds)
            ended = sweep.ends() if number == rounds else sweep.rests()
            along.append(waits + _accept(store, 0, ended))
            deleting += time.monotonic() - begun
    deleted = _deleted(store) - before
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
        "stopped": {"alone": _stops(every_alone), "beside": _stops(every_along)},
        "deleted": deleted,
        "deleted_per_second": deleted / deleting,
    }


class _Sweep:
    """A run in a process of its own that goes on and rests as it is told."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "bench.retention", "--sweep", url, "--kind", "--told"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> _Sweep:
        self._hear("rests", threading.Event())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def goes_on(self) -> None:
        """It deletes from now on."""
        self._say("go")

    def rests(self) -> threading.Event:
        """It rests after the batch that it is at; set when it does."""
        return self._told("rest", "rests")

    def ends(self) -> threading.Event:
        """It ends as runs end; set when it has."""
        return self._told("end", "ended")

    def _told(self, word: str, answer: str) -> threading.Event:
        self._say(word)
        event = threading.Event()
        threading.Thread(target=self._hear, args=(answer, event), daemon=True).start()
        return event

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def _hear(self, word: str, event: threading.Event) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == word:
                event.set()
                return
        print(
            f"retention ended with {self._process.wait()}: were fewer due than the rounds need?",
            file=sys.stderr,
        )
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


def _stops(waits: list[float]) -> int:
    return sum(wait > _STOP_MS for wait in waits)
