"""Has invoices on record held against the rules, when there is nothing else to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from ingest import mail_log
from ingest.processing import step_times
from ingest.processing.calls import Calls
from storage.errors import NotFound, StorageUnavailable
from storage.filed.validations import Waiting
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.validation import Validation
from storage.records.webhooks import WebhookEvent
from storage.store import Store
from storage.transaction import Transaction
from tracing import steps
from validation.examiners import ExaminationFailed, Examiners
from validation.verdict import not_validated

LEASE = timedelta(seconds=300)  # for all that are claimed together
AT_ONCE = 8
MOST_TRIES = 3
RETRY_AFTER = timedelta(seconds=30)
AGAIN_SECONDS = 1.0  # from when a mail was filed to when we look, and between two looks while mails wait
KEEP_SECONDS = (
    300.0  # so long the examining process stays without work: its rules take 230 MiB, and a second to load
)
_ACTOR = "validator"


class Validator:
    """A thread that takes invoices without a result, and writes what they are worth.

    It waits while mails wait to be filed: recording comes first. Killed at any moment, the invoices that it held
    are taken again after their lease; a result is written once.
    """

    def __init__(self, *, store: Store, now: Callable[[], datetime], examiners: Examiners) -> None:
        self._store = store
        self._now = now
        self._examiners = examiners
        self._calls = Calls()
        self._stop = self._calls.stopped
        self._thread = threading.Thread(target=self._run, name="validator")

    def start(self) -> None:
        """Begins to work in the background."""
        self._thread.start()

    def call(self) -> None:
        """A mail was filed; from any thread."""
        self._calls.call()

    def stop(self) -> None:
        """Takes nothing more; the invoice at hand is given back."""
        self._calls.stop()
        if self._thread.is_alive():
            self._thread.join()

    def until_done(self) -> int:
        """Validates in this thread whatever waits; how many it was. Raises StorageUnavailable."""
        done = 0
        try:
            while not self._stop.is_set() and (taken := self._batch()):
                done += taken
        finally:
            self._examiners.close()
        return done

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if not self._persistently():
                    self._examiners.close_unless_used(KEEP_SECONDS)
                    self._calls.wait(AGAIN_SECONDS)
        except Exception as error:
            mail_log.validator_died(error)
        finally:
            self._examiners.close()

    def _persistently(self) -> int:
        try:
            return 0 if self._mails_wait() else self._batch()
        except StorageUnavailable as error:
            mail_log.store_unavailable("validate", error, AGAIN_SECONDS)
            self.call()
            return 0

    def _mails_wait(self) -> bool:
        with self._store.reading() as records:
            waiting = records.mails.has_due(self._now())
        if waiting:
            self.call()  # whoever files the last of them may be another node, which does not
        return waiting

    def _batch(self) -> int:
        with self._store.reading() as records:
            if not records.validations.has_waiting(self._now()):
                return 0
        with self._store.transaction() as records:
            taken = records.validations.claim(now=self._now(), lease=LEASE, limit=AT_ONCE)
        for place, one in enumerate(taken):
            if self._stop.is_set() or (place and self._mails_wait()):
                self._give_back(taken[place:])
                return max(place, 1)
            try:
                self._validate(one)
            except StorageUnavailable:
                raise
            except Exception as error:  # a bug must cost the one invoice that shows it; its tries are counted
                mail_log.validation_broke(one.invoice_id, error)
        return len(taken)

    def _give_back(self, left: list[Waiting]) -> None:
        with self._store.transaction() as records:
            records.validations.release([one.invoice_id for one in left])

    def _validate(self, waiting: Waiting) -> None:
        if waiting.tries > MOST_TRIES:
            reason = (
                f"It was tried {MOST_TRIES} times, and the process that examined it died or took too long."
            )
            german = f"Nach {MOST_TRIES} Versuchen aufgegeben: Die Prüfung brach ab oder dauerte zu lange."
            self._record(waiting, not_validated(reason, german), 0.0)
            return
        try:
            with self._store.reading() as records:
                invoice = records.invoices.get(waiting.invoice_id)
        except NotFound:  # deleted meanwhile
            return
        octets = self._store.octets.of([waiting.mail_id]).get(waiting.mail_id)
        if invoice.reading is None or octets is None:
            return
        started, began = time.monotonic(), steps.clock()
        day = invoice.received_at.date().isoformat()
        result = self._examiners.examine(octets, invoice.reading, day, self._stop.is_set)
        if isinstance(result, ExaminationFailed) and self._stop.is_set():
            self._give_back([waiting])
            return
        if isinstance(result, ExaminationFailed):
            mail_log.validation_failed(invoice.id, result.reason, waiting.tries)
        else:
            self._record(waiting, result, (time.monotonic() - started) * 1000)
        step_times.validated(waiting, began, result)  # where it failed its lease ends, and it is tried again

    def _record(self, waiting: Waiting, validation: Validation, milliseconds: float) -> None:
        with self._store.transaction() as records:
            written = record_validation(
                records, waiting.invoice_id, waiting.mail_id, validation, at=self._now(), by=_ACTOR
            )
        if written:
            mail_log.validated(waiting.invoice_id, validation, milliseconds)


def record_validation(
    records: Transaction,
    invoice_id: str,
    mail_id: str,
    validation: Validation,
    *,
    at: datetime,
    by: str,
    again: bool = False,
) -> bool:
    """Writes a result, its event, and what programs are told.

    False when the invoice is deleted, or has a result and `again` is not set.
    """
    if not records.validations.record(invoice_id, validation, at=at, again=again):
        return False
    detail = {"status": str(validation.status), "class": str(validation.class_)}
    if validation.rule_sets:
        detail["rules"] = ", ".join(one.id for one in validation.rule_sets)
    event = HistoryEvent(
        at=at,
        event=HistoryEventName.VALIDATED,
        actor=by,
        detail=detail,
        mail_id=mail_id,
        invoice_id=invoice_id,
    )
    records.history.add([event])
    records.webhook_deliveries.tell(WebhookEvent.VALIDATED, [invoice_id], at)
    return True
