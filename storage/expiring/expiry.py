"""How long what is kept; decided once, when a mail is filed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from storage.records.invoices import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPeriods:
    """Days from receipt to deletion, and from deletion to the end of the tombstone."""

    productive_days: int
    test_days: int
    tombstone_days: int
    time_zone: tzinfo = UTC  # whose calendar the days are of

    def expires_at(self, received_at: datetime, environment: Environment) -> datetime:
        """When an invoice received at `received_at` is to be deleted."""
        days = self.test_days if environment is Environment.TEST else self.productive_days
        return days_later(received_at, days, self.time_zone)

    def tombstone_until(self, deleted_at: datetime) -> datetime:
        """When nothing at all is to remain of what was deleted at `deleted_at`."""
        return days_later(deleted_at, self.tombstone_days, self.time_zone)


def days_later(instant: datetime, days: int, time_zone: tzinfo) -> datetime:
    """The same time of day, `days` calendar days later in `time_zone`; in UTC.

    Never before that many times 24 hours are over: nobody is to lose an hour as the clocks go forward. A time of
    day that comes twice is the second of them, one that is left out is as much later as the clocks go forward.
    """
    local = instant.astimezone(time_zone)
    there = (local.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=time_zone, fold=1)
    by_calendar = max(there, there.replace(fold=0), key=lambda one: one.astimezone(UTC)).astimezone(UTC)
    return max(by_calendar, instant.astimezone(UTC) + timedelta(days=days))
