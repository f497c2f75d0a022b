"""Measures what validation costs, whether a burst of mails is recorded later because of it, and whether memory grows.

    python -m bench.validation [--invoices 5000] [--burst 1000] [--rounds 3]

Exit status 1 when the mean of processor time is above --most milliseconds, a burst takes more than --slower times as
long, or the process grew by more than --growth MiB after its first thousand invoices.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from bench.figures import MIB, percentile, slope
from bench.mails import bench_mail, write_mails
from bench.round import Load, run_round
from reading.mail import read_mail
from storage.records.reading import InvoiceReading
from storage.records.validation import ValidationClass
from validation.examiners import ExaminationFailed, ExaminationLimits, Examiners

WARM_UP = 50  # invoices before time is taken: the stylesheets are compiled with the first ones
LOOK_EVERY = 250
SETTLED_AFTER = 1000  # invoices; what the process takes until then, it may keep
DAY = "2026-11-26"


@dataclass(frozen=True, slots=True)
class Examined:
    """What one process did."""

    milliseconds: list[float]  # of each invoice, the warm-up left out
    processor: float  # milliseconds of processor time, of each in the mean
    resident: list[tuple[int, float]]  # by the number of invoices, in MiB
    classes: dict[str, int]


def main(arguments: list[str]) -> int:
    """Runs the benchmark; the exit status."""
    wanted = _parsed(arguments)
    examined = _examine(wanted.invoices)
    settled = [(count, size) for count, size in examined.resident if count >= SETTLED_AFTER]
    growth = settled[-1][1] - settled[0][1] if settled else 0.0
    bursts = _bursts(wanted.burst, wanted.rounds) if wanted.rounds else {}
    ratio = median(bursts["on"]) / median(bursts["off"]) if bursts else None
    figures = {
        "invoices": wanted.invoices,
        "classes": examined.classes,
        "processor_ms": round(examined.processor, 2),
        "mean_ms": round(mean(examined.milliseconds), 2),
        "median_ms": round(median(examined.milliseconds), 2),
        "p95_ms": round(percentile(examined.milliseconds, 0.95), 2),
        "resident_mib": [(count, round(size, 1)) for count, size in examined.resident[::4]],
        "growth_mib": round(growth, 2),
        "kib_per_invoice": round(1024 * slope(settled), 3),
        "burst_seconds": bursts,
        "burst_ratio": ratio and round(ratio, 3),
    }
    print(json.dumps(figures))
    wrong = [
        said
        for is_wrong, said in (
            (examined.processor > wanted.most, "the mean is too high"),
            (ratio is not None and ratio > wanted.slower, "a burst is recorded later"),
            (growth > wanted.growth, "the process grows"),
        )
        if is_wrong
    ]
    for said in wrong:
        print(f"WRONG: {said}", file=sys.stderr)
    return 1 if wrong else 0


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.validation", description=__doc__)
    parser.add_argument("--invoices", type=int, default=5000, help="in one process (%(default)s)")
    parser.add_argument("--burst", type=int, default=1000, help="mails sent at once (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="with and without, in turns (%(default)s)")
    parser.add_argument(
        "--most", type=float, default=25.0, help="milliseconds of processor time (%(default)s)"
    )
    parser.add_argument(
        "--slower", type=float, default=1.1, help="times as long a burst may take (%(default)s)"
    )
    parser.add_argument("--growth", type=float, default=16.0, help="MiB after the first 1,000 (%(default)s)")
    return parser.parse_args(arguments)


def _examine(count: int) -> Examined:
    """Holds `count` invoices against the rules in one process: hybrid PDFs, XML and plain PDFs in turn."""
    sample: list[tuple[bytes, InvoiceReading]] = []
    for index in range(50):
        octets = bench_mail(index).octets
        sample.append((octets, read_mail(octets).invoices[0]))
    milliseconds: list[float] = []
    resident: list[tuple[int, float]] = []
    used = 0.0
    classes: dict[str, int] = dict.fromkeys(ValidationClass, 0)
    limits = ExaminationLimits(invoices_per_process=count + WARM_UP + 1)
    with Examiners(limits=limits) as examiners:
        for number in range(WARM_UP + count):
            octets, reading = sample[number % len(sample)]
            begun = time.perf_counter()
            result = examiners.examine(octets, reading, DAY)
            if isinstance(result, ExaminationFailed):
                raise SystemExit(f"an examination failed: {result.reason}")
            if number < WARM_UP:
                used = _processor(examiners)
                continue
            milliseconds.append((time.perf_counter() - begun) * 1000)
            classes[result.class_] += 1
            if (number - WARM_UP) % LOOK_EVERY == 0:
                resident.append((number - WARM_UP, _resident(examiners) / MIB))
        processor = (_processor(examiners) - used) / count
    return Examined(
        milliseconds, processor, resident, {name: found for name, found in classes.items() if found}
    )


def _resident(examiners: Examiners) -> int:
    pages = Path(f"/proc/{examiners.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def _processor(examiners: Examiners) -> float:
    """Milliseconds of processor time of the process, user and system."""
    fields = Path(f"/proc/{examiners.pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def _bursts(burst: int, rounds: int) -> dict[str, list[float]]:
    """Seconds until the second of two bursts is on record, while the invoices of the first wait to be validated."""
    seconds: dict[str, list[float]] = {"on": [], "off": []}
    with tempfile.TemporaryDirectory(prefix="bench-mails-") as name:
        write_mails(Path(name), range(2 * burst))
        load = Load(
            mails_folder=Path(name),
            mails=2 * burst,
            wave=burst,
            sessions=20,
            mails_per_session=1,
            rests=False,
        )
        for number in range(rounds):
            order = ("off", "on") if number % 2 else ("on", "off")
            for mode in order:
                settings = {"VALIDATION__MODE": "auto" if mode == "on" else "off"}
                done = run_round(load, None, None, settings)
                if done.wrong:
                    raise SystemExit("\n".join(done.wrong[:5]))
                seconds[mode].append(round(done.waves[-1].seconds, 2))
                print(mode, seconds[mode][-1], file=sys.stderr, flush=True)
    return seconds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
