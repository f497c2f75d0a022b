"""Says when a worker looks into the queue, and whether it takes what it finds there or lets some more gather."""

from __future__ import annotations

import random
from datetime import datetime

from storage.records.mails import Waiting

QUEUE_SECONDS = 0.25  # so long few mails gather in the queue at most, while others are being filed
BUSY_SECONDS = 0.2  # between two looks of a worker that has something to do, unless it found a full group
UNCALLED_SECONDS = 1.0  # the same while nobody calls; that is how often one without work looks, too
# After calls for which nothing was there any more, one after the other; then as often as without a call.
VAIN_SECONDS = (0.05, 0.2, 0.5, 1.0)


class Pace:
    """Of one worker. It knows no clock; `moment` is monotonic seconds, `now` what mails are dated by.

    Of many workers that hear of a mail one gets it. Those that come too late wait before they listen again, so that
    the next mail does not wake all of them. And where work is going on anyway, a mail alone gains nothing by being
    taken at once: it is taken with those that come within a moment, however many workers there are to share them out.
    """

    def __init__(self, full: int) -> None:
        """`full`: mails of a group that need not gather."""
        self._full = full
        self._not_before = 0.0
        self._busy_until = 0.0
        self._uncalled_until = 0.0
        self._let_gather: str | None = None
        self._in_vain = 0

    def may_look(self, moment: float, *, busy: bool, called: bool) -> bool:
        """Whether it is time to look; `busy` while the worker has mails to read or record, `called` since it looked."""
        busy_until = self._busy_until if called else self._uncalled_until
        return moment >= self._not_before and (not busy or moment >= busy_until)

    def seconds_left(self, moment: float) -> float:
        """Until a worker without work may look."""
        return max(0.0, self._not_before - moment)

    def takes(self, waiting: Waiting, now: datetime, moment: float) -> bool:
        """Whether the worker takes what waits now; if not, it may look again when that has gathered."""
        if not waiting.due:
            self._let_others_look(moment)
            return False
        if waiting.due < self._full and waiting.at_work and waiting.oldest != self._let_gather:
            age = (now - waiting.since).total_seconds() if waiting.since else 0.0
            if age < QUEUE_SECONDS:
                # Once for each mail, so that a clock that is wrong on another machine cannot keep it waiting.
                self._let_gather = waiting.oldest
                self._not_before = moment + min(QUEUE_SECONDS, QUEUE_SECONDS - age)
                return False
        self._in_vain = max(0, self._in_vain - 1)
        if waiting.due >= self._full:
            self._busy_until = self._uncalled_until = 0.0
        else:
            self._let_others_look(moment)
        return True

    def _let_others_look(self, moment: float) -> None:
        self._busy_until, self._uncalled_until = moment + BUSY_SECONDS, moment + UNCALLED_SECONDS

    def called_in_vain(self, moment: float) -> None:
        """Somebody rang, and there was nothing to take."""
        pause = VAIN_SECONDS[self._in_vain]
        self._in_vain = min(self._in_vain + 1, len(VAIN_SECONDS) - 1)
        self._not_before = moment + pause * random.uniform(0.5, 1.0)  # noqa: S311  -- nothing secret
