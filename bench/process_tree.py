"""Processor time of a process and of everything that it started, from /proc (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def tree_seconds(pid: int) -> float:
    """Seconds of a process and all below it so far, those included that have ended and were waited for.

    Raises ProcessLookupError when the process is gone.
    """
    stats = dict(_stats())
    if pid not in stats:
        raise ProcessLookupError(pid)
    return sum(ticks_of(stats[one]) for one in _below(pid, stats)) / _TICKS_PER_SECOND


def parent(pid: int) -> int:
    """Who started a process. Raises OSError when it is gone."""
    return int(_fields((_PROC / str(pid) / "stat").read_text())[1])


def ticks_of(fields: list[str]) -> int:
    """Ticks of a process and of the children it has waited for; `fields` begin with the state, field 3."""
    return sum(map(int, fields[11:15]))


def _fields(stat: str) -> list[str]:
    return stat.rpartition(")")[2].split()  # the name in parentheses may hold spaces


def _stats() -> Iterator[tuple[int, list[str]]]:
    for one in _PROC.iterdir():
        if one.name.isdigit():
            try:
                yield int(one.name), _fields((one / "stat").read_text())
            except OSError:
                continue  # ended in this very moment; whoever waits for it counts its time


def _below(pid: int, stats: dict[int, list[str]]) -> Iterator[int]:
    yield pid
    for one, fields in stats.items():
        if int(fields[1]) == pid:
            yield from _below(one, stats)
