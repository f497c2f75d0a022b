"""Whether memory grew over a round; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import MIB, slope
from bench.processes import Role, Sample
from bench.wave import Wave


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Proportional set sizes in MiB."""

    at_start: float  # the daemon, before the first mail
    at_rest: dict[int, float]  # the daemon, by the number of mails on record
    below_at_rest: dict[Role, dict[int, float]]  # all of a role together, by the number of mails on record
    peak: float  # the daemon and all below it together
    daemon_growth: float  # at rest, from the first wave to the last
    growth_below: dict[Role, float]  # of the process of that role that grew most, at rest, while it lived
    peak_growth: float  # of the peak, from the first wave to the last
    kib_per_mail: float  # slope of the daemon at rest

    def too_much(self, bound: float) -> list[str]:
        """What grew by more than `bound` MiB, in words."""
        grown = {
            "the daemon at rest": self.daemon_growth,
            **{f"a {role} at rest": growth for role, growth in self.growth_below.items()},
            "the peak of all processes": self.peak_growth,
        }
        return [
            f"{what} grew by {by:.1f} MiB, more than {bound:g} MiB"
            for what, by in grown.items()
            if by > bound
        ]


def memory(at_start: Sample, waves: Sequence[Wave], samples: Sequence[Sample]) -> Memory:
    """Sums up a round. The first wave is the warm-up: what it takes, it may keep.

    So may each process below the daemon with what it has at its first rest: it has worked by then.
    """
    counts = [sum(len(wave.transfers) for wave in waves[: number + 1]) for number in range(len(waves))]
    rests = [wave.at_rest for wave in waves]
    peaks = [_peak(wave, samples) for wave in waves]
    return Memory(
        at_start=at_start.daemon / MIB,
        at_rest={count: rest.daemon / MIB for count, rest in zip(counts, rests, strict=True)},
        below_at_rest={
            role: {count: rest.of(role) / MIB for count, rest in zip(counts, rests, strict=True)}
            for role in _roles(rests)
        },
        peak=max(peaks) / MIB,
        daemon_growth=(rests[-1].daemon - rests[0].daemon) / MIB,
        growth_below={role: max(_growth(rests, role)) / MIB for role in _roles(rests)},
        peak_growth=(peaks[-1] - peaks[0]) / MIB,
        kib_per_mail=slope([(count, rest.daemon / 1024) for count, rest in zip(counts, rests, strict=True)]),
    )


def _peak(wave: Wave, samples: Sequence[Sample]) -> int:
    begun = min(one.begun for one in wave.transfers)
    within = [one.together for one in samples if begun <= one.at <= wave.at_rest.at]
    return max([*within, wave.at_rest.together])


def _roles(rests: Sequence[Sample]) -> list[Role]:
    seen = {child.role for rest in rests for child in rest.below.values()}
    return [role for role in Role if role in seen]


def _growth(rests: Sequence[Sample], role: Role) -> list[int]:
    """Of each process of a role from the first time it was seen at rest to the last; they are replaced by and by."""
    seen: dict[int, list[int]] = {}
    for rest in rests:
        for pid, child in rest.below.items():
            if child.role is role:
                seen.setdefault(pid, []).append(child.octets)
    return [octets[-1] - octets[0] for octets in seen.values()]
