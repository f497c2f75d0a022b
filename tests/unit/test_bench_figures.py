"""The sums behind the benchmark's report: a wrong one would praise or blame the daemon for nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import MIB, percentile, slope, spread
from bench.memory import Memory, memory
from bench.processes import Child, Machine, Role, Sample, Used
from bench.wave import Transfer, Wave

NOBODY: dict[int, float] = {}


def resting(
    at: float, daemon: float, readers: dict[int, float] = NOBODY, validators: dict[int, float] = NOBODY
) -> Sample:
    """A sample `at` seconds, of sizes in MiB by process id."""
    by_role = {Role.READER: readers, Role.VALIDATOR: validators}
    return Sample(
        at=at,
        daemon=int(daemon * MIB),
        below={
            pid: Child(role, int(size * MIB))
            for role, sizes in by_role.items()
            for pid, size in sizes.items()
        },
    )


def wave(at_rest: Sample, *, begun: Sequence[float]) -> Wave:
    """A wave of a mail for each instant in `begun`; what memory does not depend on is nothing."""
    transfers = [
        Transfer(index=index, mail_id=f"mail-{index}", begun=at, content_begun=at, answered=at)
        for index, at in enumerate(begun)
    ]
    return Wave(
        transfers=tuple(transfers),
        filed={},
        at_rest=at_rest,
        used=Used(daemon=0, below=0),
        used_afterwards=Used(daemon=0, below=0),
        sender_seconds=0,
        machine=Machine(busy=0, idle=0, stolen=0),
    )


@pytest.mark.parametrize(
    ("share", "expected"), [(0, 1), (0.5, 51), (0.94, 95), (0.99, 100), (0.999, 100), (1, 100)]
)
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    """Whatever order they come in; nothing is made up between two of them."""
    values = list(range(100, 0, -1))

    assert percentile(values, share) == expected


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200))
def test_not_more_than_the_share_lies_below_a_percentile(values: list[int]) -> None:
    """And not less than that lies below or beside it: 99 % of the mails were no slower than p99."""
    found = percentile(values, 0.99)

    assert sum(value < found for value in values) <= 0.99 * len(values)
    assert sum(value <= found for value in values) >= 0.99 * len(values)


def test_no_values_have_no_percentile() -> None:
    """Zero would look like a very fast daemon."""
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], 0.0),
        ([(100, 7)], 0.0),
        ([(100, 7), (200, 7), (300, 7)], 0.0),
        ([(100, 1), (200, 3), (300, 5)], 0.02),
        ([(100, 5), (300, 1)], -0.02),
        ([(0, 0), (1, 3), (2, 0), (3, 3)], 0.6),
    ],
)
def test_the_slope_is_that_of_the_nearest_line(points: list[tuple[float, float]], expected: float) -> None:
    """By least squares; fewer than two points do not rise."""
    assert slope(points) == pytest.approx(expected)


def test_a_spread_is_told_by_three_values() -> None:
    """The median of an even number lies between its two middle ones."""
    assert spread([9.0, 2.0, 1.0, 4.0]) == {"least": 1.0, "median": 3.0, "greatest": 9.0}


def test_memory_at_rest_stands_beside_the_mails_on_record() -> None:
    """Counted from the first wave on, in MiB; the slope is in KiB a mail."""
    waves = [
        wave(resting(20, 50, {7: 30, 8: 10}), begun=[10, 11]),
        wave(resting(40, 51, {7: 31, 8: 10}), begun=[30, 31]),
        wave(resting(60, 52, {7: 32, 8: 10}), begun=[50, 51]),
    ]

    found = memory(resting(5, 45), waves, [])

    assert found.at_start == 45
    assert found.at_rest == {2: 50, 4: 51, 6: 52}
    assert found.below_at_rest == {Role.READER: {2: 40, 4: 41, 6: 42}}
    assert (found.daemon_growth, found.growth_below) == (2, {Role.READER: 2})
    assert found.kib_per_mail == pytest.approx(512)


def test_what_the_warm_up_takes_is_no_growth() -> None:
    """A daemon fills its caches with the first mails, whatever it held before them."""
    waves = [wave(resting(20, 90), begun=[10]), wave(resting(40, 90), begun=[30])]

    found = memory(resting(5, 10), waves, [])

    assert (found.daemon_growth, found.peak_growth, found.kib_per_mail) == (0, 0, 0)


def test_a_peak_belongs_to_the_wave_it_was_seen_in() -> None:
    """From its first mail to its rest, of the daemon and all below it; what lies between waves is nobody's."""
    waves = [wave(resting(20, 50), begun=[12, 10]), wave(resting(40, 50), begun=[30])]
    samples = [
        resting(9.9, 500),
        resting(11, 50, {7: 20, 8: 10}),
        resting(25, 500),
        resting(35, 60, {7: 25, 9: 10}),
        resting(40.1, 500),
    ]

    found = memory(resting(5, 45), waves, samples)

    assert found.peak == 95
    assert found.peak_growth == 15


def test_a_wave_nobody_watched_peaks_at_its_rest() -> None:
    """A short wave may pass between two samples."""
    found = memory(resting(5, 45), [wave(resting(20, 50, {7: 30}), begun=[10])], [])

    assert found.peak == 80


def test_a_reader_is_compared_with_itself_only() -> None:
    """Readers are replaced by and by: a small old one and a large new one are no growth."""
    waves = [
        wave(resting(20, 50, {7: 10, 8: 20}), begun=[10]),
        wave(resting(40, 50, {8: 23, 9: 60}), begun=[30]),
        wave(resting(60, 50, {9: 61}), begun=[50]),
    ]

    found = memory(resting(5, 45), waves, [])

    assert found.growth_below == {Role.READER: 3}


def test_a_process_that_starts_later_is_no_growth_of_another() -> None:
    """The one that validates holds its rules; it starts when there is time, beside readers that do not grow."""
    waves = [
        wave(resting(20, 50, {7: 30}), begun=[10]),
        wave(resting(40, 50, {7: 30}, {9: 230}), begun=[30]),
        wave(resting(60, 50, {7: 31}, {9: 225}), begun=[50]),
    ]

    found = memory(resting(5, 45), waves, [])

    assert found.growth_below == {Role.READER: 1, Role.VALIDATOR: -5}
    assert found.below_at_rest[Role.VALIDATOR] == {1: 0, 2: 230, 3: 225}


def test_a_daemon_at_rest_with_nobody_below_it_has_none_that_grew() -> None:
    """They may all have been replaced in that very moment."""
    found = memory(resting(5, 45), [wave(resting(20, 50), begun=[10])], [])

    assert found.below_at_rest == {}
    assert found.growth_below == {}


def grown(*, daemon: float = 0, reader: float = 0, peak: float = 0) -> Memory:
    """A round in which memory grew by so many MiB."""
    return Memory(
        at_start=45,
        at_rest={},
        below_at_rest={},
        peak=95,
        daemon_growth=daemon,
        growth_below={Role.READER: reader},
        peak_growth=peak,
        kib_per_mail=0,
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (grown(), []),
        (grown(daemon=16, reader=16, peak=16), []),
        (grown(daemon=-40, reader=-40, peak=-40), []),
        (grown(daemon=16.04), ["the daemon at rest grew by 16.0 MiB, more than 16 MiB"]),
        (
            grown(daemon=1, reader=20.5, peak=99),
            [
                "a reader at rest grew by 20.5 MiB, more than 16 MiB",
                "the peak of all processes grew by 99.0 MiB, more than 16 MiB",
            ],
        ),
    ],
)
def test_each_growth_beyond_the_bound_is_said(found: Memory, expected: list[str]) -> None:
    """The bound itself is allowed; so is shrinking."""
    assert found.too_much(16) == expected
