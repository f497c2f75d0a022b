"""How long what is kept; decided once, when a mail is filed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.records import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPeriods:
    """Days from receipt to deletion, and from deletion to the end of the tombstone."""

    productive_days: int
    test_days: int
    tombstone_days: int

    def expires_at(self, received_at: datetime, environment: Environment) -> datetime:
        """When an invoice received at `received_at` is to be deleted."""
        days = self.test_days if environment is Environment.TEST else self.productive_days
        return received_at + timedelta(days=days)

    def tombstone_until(self, deleted_at: datetime) -> datetime:
        """When nothing at all is to remain of what was deleted at `deleted_at`."""
        return deleted_at + timedelta(days=self.tombstone_days)
