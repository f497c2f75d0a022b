"""A clock that cannot be right stops retention; nothing is deleted by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from retention.clock import WrongClock, checked
from storage.expiring.retention_records import ClockOnRecord

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)


def _on_record(
    *,
    database_now: datetime = NOW,
    newest: datetime | None = None,
    seen_at: datetime | None = None,
    distrusted_at: datetime | None = None,
) -> ClockOnRecord:
    return ClockOnRecord(
        database_now=database_now, newest=newest, seen_at=seen_at, distrusted_at=distrusted_at
    )


@pytest.mark.parametrize(
    "on_record",
    [
        _on_record(),
        _on_record(newest=NOW - MINUTE, seen_at=NOW - timedelta(hours=1)),
        _on_record(newest=NOW - 100 * WEEK, seen_at=NOW - WEEK),
        _on_record(newest=NOW + MINUTE),
        _on_record(newest=NOW + WEEK, distrusted_at=NOW + WEEK),
    ],
    ids=["nothing on record", "as every hour", "a quiet mailbox", "a little ahead", "known to be wrong"],
)
def test_a_clock_that_nothing_contradicts_is_gone_by(on_record: ClockOnRecord) -> None:
    """The first run, a run every hour, a mailbox nobody writes to, clocks a minute apart."""
    assert checked(NOW, on_record, WEEK) == NOW


@pytest.mark.parametrize(
    ("on_record", "told"),
    [
        (_on_record(database_now=NOW - WEEK), "this machine's clock says"),
        (_on_record(database_now=NOW + WEEK), "this machine's clock says"),
        (_on_record(newest=NOW + WEEK), "is on record already"),
        (_on_record(seen_at=NOW + 6 * MINUTE), "is on record already"),
        (_on_record(newest=NOW + 2 * WEEK, distrusted_at=NOW + WEEK), "is on record already"),
        (_on_record(seen_at=NOW - WEEK - MINUTE, newest=NOW), "7 days after"),
        (_on_record(newest=NOW - WEEK - MINUTE), "7 days after"),
    ],
    ids=[
        *("ahead of the database", "behind the database", "behind a mail", "behind the run before"),
        *("behind another mail", "far from the run before", "far from the newest mail, without a run"),
    ],
)
def test_a_clock_that_runs_wrong_stops_the_worker(on_record: ClockOnRecord, told: str) -> None:
    """With what is wrong, and that nothing was deleted."""
    with pytest.raises(WrongClock, match=told) as caught:
        checked(NOW, on_record, WEEK)

    assert str(caught.value).endswith("nothing was deleted")


def test_the_slower_of_two_clocks_decides() -> None:
    """Within the tolerance the database would refuse what it does not hold for due."""
    assert checked(NOW + MINUTE, _on_record(), WEEK) == NOW
    assert checked(NOW, _on_record(database_now=NOW + MINUTE), WEEK) == NOW
