"""The sums of the benchmark: medians, percentiles, slopes; pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import linear_regression, median

MIB = 1024 * 1024


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of `values` lie; the nearest one there is. Raises ValueError for none."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """By how much y grows with x, by least squares; 0 where one point is all there is."""
    if len(points) < 2:
        return 0.0
    return linear_regression([x for x, _ in points], [y for _, y in points]).slope


def spread(values: Sequence[float]) -> dict[str, float]:
    """Least, median and greatest value."""
    return {"least": min(values), "median": median(values), "greatest": max(values)}
