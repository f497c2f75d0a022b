"""When what expires: calendar days in a time zone, and never an hour less than the days promised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.expiring.expiry import RetentionPeriods, days_later
from storage.records.invoices import Environment

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
DAY = timedelta(days=1)


def _berlin(*when: int, fold: int = 0) -> datetime:
    return datetime(*when, tzinfo=BERLIN, fold=fold)  # type: ignore[misc,arg-type]  # year, month, day ...


@pytest.mark.parametrize(
    ("received", "days", "expires"),
    [
        (_berlin(2026, 1, 10, 12), 30, _berlin(2026, 2, 9, 12)),
        (_berlin(2026, 10, 1, 12), 30, _berlin(2026, 10, 31, 12)),  # 25 hours on the day clocks went back
        (_berlin(2026, 3, 20, 12), 30, _berlin(2026, 4, 19, 13)),  # 23 hours on the day they went forward
        (_berlin(2026, 9, 25, 2, 30), 30, _berlin(2026, 10, 25, 2, 30, fold=1)),  # comes twice: the second
        (_berlin(2026, 2, 27, 2, 30), 30, _berlin(2026, 3, 29, 3, 30)),  # does not come at all
        (_berlin(2024, 2, 28, 12), 1, _berlin(2024, 2, 29, 12)),
        (_berlin(2024, 2, 29, 12), 365, _berlin(2025, 2, 28, 12)),
        (_berlin(2023, 12, 1, 12), 90, _berlin(2024, 2, 29, 12)),
    ],
)
def test_calendar_days_are_counted_where_people_are(received: datetime, days: int, expires: datetime) -> None:
    """Winter, both changes of the clocks, times that come twice or never, leap days."""
    assert days_later(received, days, BERLIN) == expires.astimezone(UTC)


@given(
    received=st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    days=st.integers(0, 4000),
    zone=st.sampled_from(ZONES),
)
def test_never_before_the_days_are_over_and_never_a_day_later(
    received: datetime, days: int, zone: str
) -> None:
    """Whatever a country does to its clocks; one even skipped a whole day."""
    expires = days_later(received, days, ZoneInfo(zone))

    assert received + days * DAY <= expires <= received + days * DAY + DAY
    assert expires.utcoffset() == timedelta(0)


@given(
    first=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    later=st.timedeltas(timedelta(0), timedelta(days=3)),
)
def test_a_test_invoice_goes_before_a_productive_one_of_the_same_moment(
    first: datetime, later: timedelta
) -> None:
    """By its own number of days."""
    periods = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365, time_zone=BERLIN)

    assert periods.expires_at(first + later, Environment.TEST) < periods.expires_at(
        first, Environment.PRODUCTIVE
    )
