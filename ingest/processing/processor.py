"""Takes mails off the queue, has them read, and hands what was found to the recorder."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import tenacity

from ingest import mail_log
from ingest.processing import step_times
from ingest.processing.filing import Rules
from ingest.processing.loading import Loader
from ingest.processing.pace import Pace
from ingest.processing.recorder import Finished, Recorder
from reading.sandbox import Limits, ReaderPool, ReadingFailed
from storage.errors import StorageUnavailable
from storage.queue.claimants import is_dead, new_claimant
from storage.records.reading import MailReading
from storage.store import Store
from tracing import steps

LEASE = timedelta(seconds=60)
AT_ONCE = 32  # mails claimed together, and recorded together
TOGETHER = 16  # small mails that one reader gets at once
GATHER_SECONDS = 2.0  # so long a mail that is read waits for others of a queue that is not empty, at most
IDLE_SECONDS = 1.0  # how often the queue is looked at when nothing wakes us
LONGEST_PAUSE_SECONDS = 10  # between two tries while the store is away
RECORDING_SECONDS = 0.05  # between two looks for more mail while all that is held is being recorded
STOP_SECONDS = 30  # for what is being read when we are told to stop

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What a processor works with."""

    store: Store
    rules: Rules
    now: Callable[[], datetime]
    readers: int  # reader processes
    limits: Limits = field(default_factory=Limits)  # of each mail
    on_filed: Callable[[], None] = lambda: None  # called whenever some mails are on record


class Processor:
    """One worker: a thread that hands mails to the readers, and one that records what they found."""

    def __init__(self, wiring: Wiring) -> None:
        self.name = new_claimant()
        self._store = wiring.store
        self._now = wiring.now
        self._on_filed = wiring.on_filed
        self._pool = ReaderPool(wiring.readers, wiring.limits)
        self._loader = Loader(wiring.store)
        self._recorder = Recorder(wiring.store, wiring.rules, wiring.now, self.name)
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._recorded = threading.Event()  # a group, since we looked
        self._pending: deque[str] = deque()  # claimed, not yet handed to a reader
        self._started: dict[str, float] = {}  # being read, since when
        self._held: set[str] = set()  # claimed, not yet recorded
        self._holding = threading.Lock()
        self._finished: queue.Queue[Finished | None] = queue.Queue(maxsize=2 * AT_ONCE)
        self._pace = Pace(AT_ONCE)
        self._due = 0  # mails that the last look found, up to AT_ONCE
        self._lane = ""  # of the queue that had its turn last
        self._renew_at = time.monotonic() + LEASE.total_seconds() / 3
        self.moved_at = time.monotonic()  # when the loop last came round, or the store was last asked

    def wake(self) -> None:
        """There is mail; from any thread."""
        self._wake.set()

    def stop(self) -> None:
        """Take nothing more, finish what is being read, record it; from any thread."""
        self._stop.set()
        self._wake.set()

    def run(self, *, until_empty: bool = False) -> None:
        """Works until stop() is called, or with `until_empty` until nothing in the queue is due."""
        recording = threading.Thread(target=self._record_all, name="recorder")
        recording.start()
        try:
            self._persistently("take over", self._take_over)
            called = False
            while not self._stop.is_set():
                self.moved_at = time.monotonic()
                looked = self._fill()
                if self._held:
                    called = False
                    self._hand_out()
                    self._collect()
                elif self._due or not looked:
                    called = True
                    self._stop.wait(self._pace.seconds_left(time.monotonic()))
                elif until_empty:
                    break
                else:
                    if called:
                        self._pace.called_in_vain(time.monotonic())
                    called = self._stop.is_set() or self._wake.wait(IDLE_SECONDS)
                    self._wake.clear()
            self._finish_readings()
        except StorageUnavailable:
            if not self._stop.is_set():
                raise
        finally:
            self._finished.put(None)
            recording.join()
            self._pool.close()
            self._give_back()

    def _take_over(self) -> None:
        """Frees what a killed worker of this machine holds, without waiting for its lease to end."""
        with self._store.transaction() as records:
            for claimant in records.mails.claimants():
                if claimant != self.name and is_dead(claimant):
                    records.mails.release(by=claimant)

    def _fill(self) -> bool:
        """Whether the queue was looked at."""
        looked = len(self._pending) < self._pool.free and self._pace.may_look(
            time.monotonic(), busy=bool(self._held), called=self._wake.is_set()
        )
        if looked:
            self._wake.clear()  # before the look: whoever calls from now on may mean a mail that it does not see
            began = steps.clock()
            claimed = self._persistently("claim", self._claim)
            step_times.claimed(claimed, began, self.name)
            with self._holding:
                # After a standstill longer than the lease, what we are still at is claimed once more.
                fresh = [mail_id for mail_id in claimed if mail_id not in self._held]
                self._held.update(fresh)
            self._pending.extend(fresh)
        if self._held and time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + LEASE.total_seconds() / 3
            self._persistently("renew", self._renew)
        return looked

    def _claim(self) -> list[str]:
        with self._store.asking() as records:
            waiting = records.mails.waiting(self._now(), AT_ONCE)
        self._due = waiting.due
        if not self._pace.takes(waiting, self._now(), time.monotonic()):
            return []
        with self._store.transaction() as records:
            # Senders take turns, so the one with the longest queue waits for itself alone. Few mails need no turns.
            lanes = records.mails.lanes(self._lane, AT_ONCE) if waiting.due == AT_ONCE else []
            self._lane = lanes[-1] if lanes else self._lane
            claimed = records.mails.claim(
                by=self.name, now=self._now(), lease=LEASE, limit=AT_ONCE, lanes=lanes
            )
        if not claimed:  # others are claiming all of it at this moment
            self._pace.called_in_vain(time.monotonic())
        return claimed

    def _renew(self) -> None:
        with self._holding:
            held = list(self._held)
        with self._store.transaction() as records:
            records.mails.renew(held, by=self.name, until=self._now() + LEASE)

    def _hand_out(self) -> None:
        while self._pending and (free := self._pool.free) and not self._stop.is_set():
            share = min(TOGETHER, math.ceil(len(self._pending) / free))
            taken = self._persistently("load", lambda: self._loader.take(self._pending, share))  # noqa: B023  -- called at once
            self._started |= dict.fromkeys((mail_id for mail_id, _ in taken), time.monotonic())
            mails = [(mail_id, octets) for mail_id, octets in taken if isinstance(octets, bytes)]
            failed = self._pool.start_together(mails) if mails else None
            for mail_id, octets in taken:
                if result := octets if isinstance(octets, ReadingFailed) else failed:
                    self._finish(mail_id, result)

    def _collect(self) -> None:
        if not self._pool.busy:  # all is read, and the recorder is at work
            self._recorded.wait(RECORDING_SECONDS)
            self._recorded.clear()
        for mail_id, result in self._pool.finished(0.1):
            self._finish(mail_id, result)

    def _finish(self, mail_id: str, result: MailReading | ReadingFailed) -> None:
        self._finished.put(step_times.read(Finished(mail_id, result, self._started[mail_id])))
        del self._started[mail_id]  # not before: until it is in the queue, those behind it wait for it

    def _finish_readings(self) -> None:
        give_up_at = time.monotonic() + STOP_SECONDS
        while self._pool.busy and time.monotonic() < give_up_at:
            self._collect()

    def _record_all(self) -> None:
        while True:
            group = self._gathered()
            done = sorted((one for one in group if one is not None), key=lambda one: one.mail_id)
            if done:
                self._record(done)
                self._let_go([one.mail_id for one in done])
                self._recorded.set()
                self._on_filed()
            if group[-1] is None:
                return

    def _gathered(self) -> list[Finished | None]:
        """What is recorded together: whatever is there, and while others wait for a reader what comes a moment later.

        A large group costs little more than a small one. Mail that waits in a queue gains by that, and a mail that
        comes alone is not kept waiting. What came in before is waited for a moment, too: of two alike invoices the
        first one is the original, and readers are done as it happens.
        """
        group = [self._finished.get()]
        until = time.monotonic() + GATHER_SECONDS
        while group[-1] is not None and len(group) < AT_ONCE:
            patience = until - time.monotonic() if self._pending else self._seconds_for_earlier(group)
            try:
                group.append(self._finished.get(block=patience > 0, timeout=max(patience, 0.0)))
            except queue.Empty:
                break
        return group

    def _seconds_for_earlier(self, group: Sequence[Finished | None]) -> float:
        """How much longer mails are waited for that are being read and came in before one of the group.

        So a mail that takes long holds up those behind it that long, and no longer. Ids are in the order of time.
        """
        here = {one.mail_id for one in group if one is not None}
        with self._holding:
            earlier = [mail_id for mail_id in self._held - here if mail_id < max(here)]
        began = [at for mail_id in earlier if (at := self._started.get(mail_id)) is not None]
        return max(began) + GATHER_SECONDS - time.monotonic() if began else 0.0

    def _record(self, group: list[Finished]) -> None:
        try:
            self._persistently("record", lambda: self._recorder.record(group))
        except Exception as error:
            for one in group:  # their lease will end, and somebody tries again
                mail_log.filing_failed(one.mail_id, error)

    def _let_go(self, mail_ids: list[str]) -> None:
        with self._holding:
            self._held.difference_update(mail_ids)

    def _give_back(self) -> None:
        """Puts what was claimed and not recorded back into the queue; else its lease would have to end first."""
        if not self._held:
            return
        try:
            with self._store.transaction() as records:
                records.mails.release(by=self.name)
        except StorageUnavailable as error:
            mail_log.store_unavailable("give back", error, LEASE.total_seconds())

    def _persistently(self, doing: str, call: Callable[[], _Result]) -> _Result:
        """Calls again and again while the store is away; gives up with StorageUnavailable once told to stop."""

        def note(state: tenacity.RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            self.moved_at = time.monotonic()  # to wait for a database is no standing still
            if isinstance(error, StorageUnavailable):
                mail_log.store_unavailable(doing, error, state.upcoming_sleep)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(StorageUnavailable),
            wait=tenacity.wait_exponential_jitter(multiplier=0.1, max=LONGEST_PAUSE_SECONDS, jitter=0.1),
            stop=tenacity.stop_when_event_set(self._stop),
            sleep=tenacity.sleep_using_event(self._stop),
            before_sleep=note,
            reraise=True,
        )
        return retrying(call)
