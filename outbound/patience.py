"""Decides what follows when a mail was not taken: when it is tried again, and when it is given up; pure."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=4)
RATE_PERIOD = timedelta(hours=1)  # of outbound.max_per_recipient
RATE_PAUSE = timedelta(minutes=10)


def next_try(attempts: int, created_at: datetime, now: datetime, patience: timedelta) -> datetime | None:
    """When to try again after `attempts`; None when `patience` is over (RFC 5321 4.5.4.1 asks for 4 to 5 days)."""
    if now - created_at >= patience:
        return None
    pause: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, 20)
    return now + min(pause, LONGEST_PAUSE)
