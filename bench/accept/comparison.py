"""The sums and the table of the accept path's comparison; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.accept.load import Case
from bench.figures import percentile, spread

Figures = dict[str, Any]  # as JSON

OURS, POSTFIX = "ours", "postfix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One competitor under one load."""

    mails: int  # acknowledged while the clock ran: those of the load, and the probe's
    seconds: float  # from the load's start to its end
    processor_seconds: dict[str, float]  # by part, while the clock ran
    client_seconds: float  # processor time of the load's program
    waits: tuple[float, ...]  # seconds, of the probe's mails: from connecting until 250
    delivered_seconds: float | None  # until the last mail was delivered or filed; None where nothing follows
    delivered_mails: int  # all that were acknowledged since the clock started
    idle: float  # share of the cores' time
    stolen: float  # share of the cores' time that went to other machines

    @property
    def per_second(self) -> float:
        """Mails acknowledged a second."""
        return self.mails / self.seconds

    @property
    def delivered_per_second(self) -> float | None:
        """Mails delivered a second."""
        return None if self.delivered_seconds is None else self.delivered_mails / self.delivered_seconds


def order(names: Sequence[str], number: int) -> list[str]:
    """Who comes after whom in a round (from 0): each begins in turn, so that no one always has the quiet disk."""
    first = number % len(names) if names else 0
    return [*names[first:], *names[:first]]


def mails_for(per_second: float, seconds: float, sessions: int) -> int:
    """How many mails take about so long; at least some for each session."""
    return max(4 * sessions, round(per_second * seconds))


def within(begun: float, ended: float, transfers: Sequence[tuple[float, float]]) -> list[float]:
    """How long those transfers took, given as (begun, answered), that lie whole within the load."""
    return [answered - first for first, answered in transfers if begun <= first and answered <= ended]


def ratios(rounds: Sequence[Mapping[str, Run]], over: str = POSTFIX) -> list[float]:
    """Our rate to another's in each round that both took part in."""
    return [one[OURS].per_second / one[over].per_second for one in rounds if OURS in one and over in one]


def verdict(found: Sequence[float], least: float | None, aim: float | None) -> Figures | None:
    """The ratios by round, their median, and whether it reaches what is asked; None where there are none."""
    if not found:
        return None
    middle = median(found)
    return {
        "by_round": list(found),
        "median": middle,
        "least": least,
        "met": None if least is None else middle >= least,
        "aim": aim,
        "aim_met": None if aim is None else middle >= aim,
    }


def case_figures(
    case: Case, rounds: Sequence[Mapping[str, Run]], engine: str, disk_per_second: float
) -> Figures:
    """What a case comes to."""
    names = list(dict.fromkeys(name for one in rounds for name in one))
    aim = case.aim if engine == "sqlite" else None
    return {
        "name": case.name,
        "octets": case.octets,
        "sessions": case.sessions,
        "tls": case.tls,
        "worker": case.worker,
        "competitors": {name: _summed([one[name] for one in rounds if name in one]) for name in names},
        "ratio": verdict(ratios(rounds), case.least.get(engine), aim),
        "disk_in_groups_per_second": disk_per_second,
    }


def text(about: Mapping[str, Any], cases: Sequence[Mapping[str, Any]]) -> str:
    """The figures for people."""
    head = (
        f"{about['cores']} cores that the load shares, "
        f"{about['rounds']} rounds in turns of about {about['seconds']:g} s; "
        f"ours on {about['database']}, {about['processes']} processes"
    )
    lines = [head]
    for one in cases:
        lines += ["", *case_lines(one, about["titles"])]
    lines += [f"\nNot measured: {what}" for what in about["left_out"]]
    return "\n".join(lines)


def case_lines(case: Mapping[str, Any], titles: Mapping[str, str]) -> list[str]:
    """The table of a case."""
    beside = " under STARTTLS" if case["tls"] else ", the worker beside" if case["worker"] else ""
    title = f"{case['name']}: {case['octets'] / 1024:.0f} KB, {case['sessions']} sessions{beside}"
    columns = ("acknowledged/s min", "median", "max", "CPU ms", "client", "p50 ms", "p99 ms", "delivered/s")
    lines = [f"{title:<47}{columns[0]:>20}" + "".join(f"{one:>{_width(one)}}" for one in columns[1:])]
    lines += [_competitor_line(titles.get(name, name), one) for name, one in case["competitors"].items()]
    lines.append(
        f"  disk, fdatasync for each 64 mails: {case['disk_in_groups_per_second']:.0f} mails/s, nothing beside it"
    )
    if case["ratio"] is not None:
        lines.append("  " + ratio_line(case["ratio"]))
    return lines


def ratio_line(ratio: Mapping[str, Any]) -> str:
    """Our rate to Postfix's, in words."""
    by_round = " ".join(f"{one:.2f}" for one in ratio["by_round"])
    said = f"ours : Postfix by round {by_round}, median {ratio['median']:.2f}"
    if ratio["least"] is not None:
        said += f"; at least {ratio['least']:g}: {'met' if ratio['met'] else 'MISSED'}"
    if ratio["aim"] is not None:
        said += f"; aim {ratio['aim']:g}: {'met' if ratio['aim_met'] else 'missed'}"
    return said


def _competitor_line(title: str, one: Mapping[str, Any]) -> str:
    rate, delivered, waits = one["acknowledged_per_second"], one["delivered_per_second"], one["milliseconds"]
    cells = [
        f"{rate['least']:>20.0f}{rate['median']:>8.0f}{rate['greatest']:>7.0f}",
        f"{one['processor_milliseconds']['server']:>8.2f}{one['client_milliseconds']:>8.2f}",
        f"{waits['p50']:>8.1f}{waits['p99']:>8.1f}" if waits else f"{'-':>8}{'-':>8}",
        f"{delivered['median']:>13.0f}" if delivered else f"{'-':>13}",
    ]
    database = one["processor_milliseconds"].get("database")
    note = f"   + {database:.2f} ms in the database server" if database is not None else ""
    return f"  {title:<45}{''.join(cells)}{note}"


def _width(column: str) -> int:
    return {"median": 8, "max": 7, "delivered/s": 13}.get(column, 8)


def _summed(runs: Sequence[Run]) -> Figures:
    waits = [wait * 1000 for run in runs for wait in run.waits]
    delivered = [one for run in runs if (one := run.delivered_per_second) is not None]
    parts = list(dict.fromkeys(part for run in runs for part in run.processor_seconds))
    return {
        "acknowledged_per_second": spread([run.per_second for run in runs]),
        "by_round": [run.per_second for run in runs],
        "mails": sum(run.mails for run in runs),
        "processor_milliseconds": {
            part: median(run.processor_seconds.get(part, 0.0) * 1000 / run.mails for run in runs)
            for part in parts
        },
        "client_milliseconds": median(run.client_seconds * 1000 / run.mails for run in runs),
        "milliseconds": {"p50": median(waits), "p99": percentile(waits, 0.99), "probes": len(waits)}
        if waits
        else None,
        "delivered_per_second": spread(delivered) if delivered else None,
        "idle_share": median(run.idle for run in runs),
        "stolen_share": median(run.stolen for run in runs),
    }
