"""Tells whether a clock may be trusted with deleting; pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from storage.expiring.retention_records import ClockOnRecord

TOLERANCE = timedelta(minutes=5)


class WrongClock(ValueError):  # noqa: N818  -- says what is wrong; the operator has to look
    """The clock contradicts the database's or what is on record; nothing was deleted."""


def checked(now: datetime, on_record: ClockOnRecord, furthest: timedelta) -> datetime:
    """The instant to go by: never later than this machine's clock, nor than the database's.

    `furthest` is how far a run may be ahead of the run before it; where there was none, of the newest mail.
    Raises WrongClock.
    """
    apart = abs(now - on_record.database_now)
    if apart > TOLERANCE:
        raise WrongClock(
            f"this machine's clock says {_shown(now)}, the database's {_shown(on_record.database_now)}: "
            "set the wrong one right; nothing was deleted"
        )
    by = min(now, on_record.database_now)
    latest = max(_trusted(on_record), default=None)
    if latest is not None and by < latest - TOLERANCE:
        raise WrongClock(
            f"the clock says {_shown(by)}, but {_shown(latest)} is on record already: set the clock, or if it is "
            "right now, say so with --clock-is-right; nothing was deleted"
        )
    known = on_record.seen_at or latest
    if known is not None and by > known + furthest:
        raise WrongClock(
            f"the clock says {_shown(by)}, {(by - known).days} days after {_shown(known)}, the last that was "
            "known of time: if that is right, say so with --clock-is-right; nothing was deleted"
        )
    return by


def _trusted(on_record: ClockOnRecord) -> list[datetime]:
    newest = on_record.newest if on_record.newest != on_record.distrusted_at else None
    return [instant for instant in (newest, on_record.seen_at) if instant is not None]


def _shown(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
