"""Turns measurements into the figures that are reported, and the figures into text; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from bench.figures import percentile, spread
from bench.limits import Disk, Libraries
from bench.memory import Memory, memory
from bench.round import Round
from bench.steps import Step
from bench.wave import Wave

Figures = dict[str, Any]  # as JSON


def round_figures(one: Round, cores: int) -> Figures:
    """What a round comes to; rates and times are medians over its waves."""
    waves = one.waves
    mails = sum(len(wave.transfers) for wave in waves)
    cpu = {
        "daemon": sum(wave.used.daemon for wave in waves) * 1000 / mails,
        "below": sum(wave.used.below for wave in waves) * 1000 / mails,
        "sender": sum(wave.sender_seconds for wave in waves) * 1000 / mails,
    }
    afterwards = [wave.used_afterwards for wave in waves]
    return {
        "mails": mails,
        "recorded_per_second": spread([wave.recorded_per_second for wave in waves]),
        "accepted_per_second": spread([wave.accepted_per_second for wave in waves]),
        "answer_milliseconds": _quantiles([ms for wave in waves for ms in _answer_times(wave)]),
        "read_and_record_milliseconds": _quantiles(
            [filed.milliseconds for wave in waves for filed in wave.filed.values()]
        ),
        "to_record_milliseconds": _quantiles([ms for wave in waves for ms in _whole_times(wave)]),
        "cpu_milliseconds_a_mail": cpu,
        "cpu_allows_per_second": cores * 1000 / sum(cpu.values()),
        "cpu_milliseconds_by_wave": [
            (wave.used.daemon + wave.used.below) * 1000 / len(wave.transfers) for wave in waves
        ],
        "cpu_milliseconds_afterwards": sum(one.daemon + one.below for one in afterwards) * 1000 / mails,
        "cores_share": _cores_share(waves),
        "memory_mib": asdict(_memory(one)),
    }


def verdicts(rounds: Sequence[Round], bound: float) -> list[str]:
    """Everything that must not be, in words: mails not on record, trouble in the log, memory that grew."""
    wrong = []
    for number, one in enumerate(rounds, 1):
        wrong += [f"round {number}: {what}" for what in (*one.wrong, *_memory(one).too_much(bound))]
    return wrong


def limit_figures(libraries: Libraries, disk: Disk, cores: int, rounds: Sequence[Figures]) -> Figures:
    """What libraries and disk allow, and which share of the libraries' rate the rounds came to."""
    allowed = cores / libraries.together
    recorded = median(one["recorded_per_second"]["median"] for one in rounds)
    by_processor_time = median(one["cpu_allows_per_second"] for one in rounds)
    return {
        "libraries_milliseconds": {name: seconds * 1000 for name, seconds in asdict(libraries).items()},
        "cores": cores,
        "libraries_allow_per_second": allowed,
        "disk_one_by_one_per_second": disk.one_by_one,
        "disk_in_groups_per_second": disk.in_groups,
        "recorded_per_second": recorded,
        "share_of_what_libraries_allow": recorded / allowed,
        "share_by_processor_time": by_processor_time / allowed,
    }


def text(figures: Figures) -> str:
    """The figures for people."""
    lines = [_head(figures["about"]), ""]
    lines += ["Rounds (rates: median, least and greatest of the waves)"]
    lines += [line for number, one in enumerate(figures["rounds"], 1) for line in _round_lines(number, one)]
    lines += ["", f"{'Steps, each by itself, ms a mail':<42}{'processor':>10}{'elapsed':>10}"]
    lines += [
        f"  {name:<40}{step['processor']:>10.2f}{step['elapsed']:>10.2f}"
        for name, step in figures["steps_milliseconds"].items()
    ]
    lines += ["", *_limit_lines(figures["limits"])]
    return "\n".join(lines)


def _head(about: Mapping[str, Any]) -> str:
    return (
        f"{about['mails']} mails of {about['mean_octets'] / 1024:.0f} KB on average ({about['mix']}), "
        f"{about['database']}, {about['sessions']} sessions, {about['mails_per_session']} mails a connection, "
        f"waves of {about['wave']}, {about['cores']} cores that the sender shares"
    )


def _round_lines(number: int, one: Figures) -> list[str]:
    memory_mib, cpu, share = one["memory_mib"], one["cpu_milliseconds_a_mail"], one["cores_share"]
    rests = ", ".join(f"{count}: {mib:.0f}" for count, mib in memory_mib["at_rest"].items())
    afterwards = one["cpu_milliseconds_afterwards"]
    by_wave = ", ".join(f"{ms:.1f}" for ms in one["cpu_milliseconds_by_wave"])
    return [
        f"  {number}. on record      {_rate(one['recorded_per_second'])} mails/s",
        f"     accepted       {_rate(one['accepted_per_second'])} mails/s",
        f"     answer to DATA {_times(one['answer_milliseconds'])}",
        f"     read, recorded {_times(one['read_and_record_milliseconds'])}",
        f"     socket, record {_times(one['to_record_milliseconds'])}",
        (
            f"     processor time {cpu['daemon']:.1f} ms a mail in the daemon, {cpu['below']:.1f} below it, "
            f"{cpu['sender']:.1f} in the sender: {one['cpu_allows_per_second']:.0f} mails/s with all cores"
        ),
        f"                    daemon and all below it by wave: {by_wave} ms a mail",
        f"                    afterwards, senders and validation: {afterwards:.1f} ms a mail",
        (
            f"     cores          {share['ours']:.0%} ours, {share['others']:.0%} other programs, "
            f"{share['idle']:.0%} idle or waiting, {share['stolen']:.0%} stolen by other machines"
        ),
        (
            f"     memory         peak {memory_mib['peak']:.0f} MiB with all below it; "
            f"daemon at rest at first {memory_mib['at_start']:.0f}, after {rests} MiB"
        ),
        *(_role_line(role, sizes) for role, sizes in memory_mib["below_at_rest"].items()),
        f"                    growth from the first wave to the last: daemon {memory_mib['daemon_growth']:+.1f}, "
        + "".join(f"a {role} {growth:+.1f}, " for role, growth in memory_mib["growth_below"].items())
        + f"peak {memory_mib['peak_growth']:+.1f} MiB; slope {memory_mib['kib_per_mail']:+.2f} KiB a mail",
    ]


def _role_line(role: str, sizes: Mapping[int, float]) -> str:
    rests = ", ".join(f"{count}: {mib:.0f}" for count, mib in sizes.items())
    return f"                    {role} at rest, all together, after {rests} MiB"


def _limit_lines(limits: Figures) -> list[str]:
    parts = limits["libraries_milliseconds"]
    return [
        "Limits, in the same run",
        (
            f"  bare libraries (email {parts['mime']:.2f} ms, pypdf {parts['pdf']:.2f} ms, lxml {parts['xml']:.2f} ms "
            f"a mail) on {limits['cores']} cores: {limits['libraries_allow_per_second']:.0f} mails/s"
        ),
        (
            f"  disk, fdatasync: {limits['disk_one_by_one_per_second']:.0f} mails/s one by one, "
            f"{limits['disk_in_groups_per_second']:.0f} in groups"
        ),
        (
            f"  on record, median of the rounds: {limits['recorded_per_second']:.0f} mails/s, "
            f"{limits['share_of_what_libraries_allow']:.0%} of what the libraries allow "
            f"({limits['share_by_processor_time']:.0%} by processor time)"
        ),
    ]


def _rate(values: Mapping[str, float]) -> str:
    return f"{values['median']:7.1f} ({values['least']:.1f} .. {values['greatest']:.1f})"


def _times(values: Mapping[str, float]) -> str:
    return f"p50 {values['p50']:.0f} ms, p99 {values['p99']:.0f} ms"


def _quantiles(milliseconds: Sequence[float]) -> dict[str, float]:
    return {"p50": median(milliseconds), "p99": percentile(milliseconds, 0.99)}


def _answer_times(wave: Wave) -> list[float]:
    return [(one.answered - one.content_begun) * 1000 for one in wave.transfers]


def _whole_times(wave: Wave) -> list[float]:
    return [(wave.filed[one.mail_id].at - one.begun) * 1000 for one in wave.transfers]


def _cores_share(waves: Sequence[Wave]) -> dict[str, float]:
    """How the time of all cores was spent while mails were under way; `others` makes a run worth less."""
    ours = sum(wave.used.daemon + wave.used.below + wave.sender_seconds for wave in waves)
    spent = [wave.machine for wave in waves]
    whole = sum(one.busy + one.idle + one.stolen for one in spent)
    return {
        "ours": ours / whole,
        "others": max(0.0, sum(one.busy for one in spent) - ours) / whole,
        "idle": sum(one.idle for one in spent) / whole,
        "stolen": sum(one.stolen for one in spent) / whole,
    }


def _memory(one: Round) -> Memory:
    return memory(one.at_start, one.waves, one.samples)


def step_figures(steps: Mapping[str, Step]) -> Figures:
    """Milliseconds by step, with the reading of documents told apart from MIME."""
    both, mime = steps["read: MIME and documents"], steps["read: MIME"]
    documents = Step(processor=both.processor - mime.processor, elapsed=both.elapsed - mime.elapsed)
    renamed = {"read: MIME and documents": ("read: documents", documents)}
    told = (renamed.get(name, (name, step)) for name, step in steps.items())
    return {name: asdict(step) for name, step in told}
