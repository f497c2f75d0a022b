"""Decides what follows when a program did not take a call: when it is tried again, and when it is given up; pure."""

from __future__ import annotations

from datetime import datetime, timedelta

# From one try to the next; about three days in all.
WAITS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=24),
    timedelta(hours=24),
)
LONGEST_PAUSE = timedelta(hours=1)  # of a webhook: what is new finds out whether it is back
DISABLED_AFTER = timedelta(hours=60)  # without a single call that was taken; the last try of one is later
BACK_AFTER = 3  # failures in a row: then one call that is taken means that the program is back


def next_call(attempts: int, now: datetime, asked_seconds: int | None = None) -> datetime | None:
    """When to try a call again after so many attempts; None when it is given up.

    `asked_seconds`: the receiver wants to be left alone so long.
    """
    if attempts > len(WAITS):
        return None
    return now + max(WAITS[attempts - 1], timedelta(seconds=asked_seconds or 0))


def pause(failures: int, now: datetime, asked_seconds: int | None = None) -> datetime:
    """Until when a webhook with so many failures in a row is not called at all."""
    wait = min(WAITS[min(failures, len(WAITS)) - 1], LONGEST_PAUSE)
    return now + max(wait, timedelta(seconds=asked_seconds or 0))


def is_hopeless(failures: int, since: datetime, now: datetime) -> bool:
    """Whether a webhook has failed so often in a row, and so long, that it is disabled."""
    return failures > len(WAITS) and now - since >= DISABLED_AFTER
