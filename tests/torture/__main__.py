"""Runs all scenarios, one after the other: `python -m tests.torture [--minutes 2] [--only NAME ...]`.

Exit status 1 when a mail was lost or is on record twice, anything is left behind, or something took too long.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tests.torture import crowds, endings, troubles
from tests.torture.lane import Outcome

_FULL_MINUTES = 20

# name: what it does, and how often (or how many seconds) in the run of 20 minutes and in the one of 2
_SCENARIOS: dict[str, tuple[Callable[[Path, int], Outcome], int, int]] = {
    "kill": (endings.killed, 1000, 18),
    "reset": (endings.reset_by_peers, 1000, 150),
    "term": (endings.told_to_stop, 100, 5),
    "disk": (troubles.full_disk, 10, 1),
    "eio": (troubles.failing_disk, 5, 1),
    "database": (troubles.database_away, 120, 5),
    "fuzz": (crowds.fuzzed, 100_000, 5_000),
    "slow": (crowds.slow_peers, 45, 6),
}


def main(arguments: list[str]) -> int:
    """Runs them; the exit status."""
    parser = argparse.ArgumentParser(prog="make torture ARGS=...", description=__doc__)
    parser.add_argument("--minutes", type=int, choices=(2, _FULL_MINUTES), default=_FULL_MINUTES)
    parser.add_argument("--only", nargs="+", choices=_SCENARIOS, default=list(_SCENARIOS), metavar="NAME")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    wanted = parser.parse_args(arguments)
    missing = [name for name in ("strace", "mount") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        print(
            f"Needs root (for a small disk), strace and mount; missing: {', '.join(missing) or 'root'}",
            file=sys.stderr,
        )
        return 1
    outcomes = []
    for name in wanted.only:
        scenario, often, seldom = _SCENARIOS[name]
        began = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix=f"torture-{name}-") as folder:
            outcomes.append(scenario(Path(folder), often if wanted.minutes == _FULL_MINUTES else seldom))
        print(f"  {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        print(_line(outcomes[-1]), flush=True)
    if wanted.json:
        print(json.dumps([asdict(one) for one in outcomes]))
    return int(any(_failed(one) for one in outcomes))


def _failed(one: Outcome) -> bool:
    return bool(one.lost or one.twice or one.left_behind or one.troubles)


def _line(one: Outcome) -> str:
    said = (
        f"{one.name:36} {one.times:7,} times, {one.taken:7,} mails acknowledged:"
        f" {one.lost} lost, {one.twice} twice, {one.left_behind} left behind"
    )
    if one.recovery is not None:
        said += f", recovery {one.recovery:.1f} s"
    if one.p99 is not None:
        said += f", honest p99 {one.p99 * 1000:.0f} ms"
    return "\n".join([said, *(f"    {trouble[:300]}" for trouble in one.troubles[:20])])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
