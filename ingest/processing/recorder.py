"""Writes what was read from mails: each mail's filing whole, or a note of why it could not be filed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter

import tenacity

from ingest import mail_log
from ingest.processing.filing import Filer, OnRecord, Rules
from ingest.processing.matching import Candidates
from ingest.processing.on_record import GroupOnRecord
from reading.sandbox import ReadingFailed
from storage.errors import Conflict, StorageUnavailable
from storage.records.filing import Filing
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.mails import ReceivedMail
from storage.records.reading import MailReading
from storage.records.webhooks import WebhookEvent
from storage.store import Store
from storage.transaction import Transaction
from tracing import steps

FAILURES_UNTIL_QUARANTINE = 3
RETRY_AFTER = timedelta(seconds=2)  # doubled with each failure
_NOTHING_ON_RECORD = OnRecord(candidates=Candidates({}, {}), newest_links={}, partner=None)


@dataclass(frozen=True, slots=True)
class Finished:
    """A mail that a reader is done with."""

    mail_id: str
    result: MailReading | ReadingFailed
    started: float  # monotonic seconds, when it was handed to the reader


class Recorder:
    """Writes the outcome of reading for the worker `name`."""

    def __init__(self, store: Store, rules: Rules, now: Callable[[], datetime], name: str) -> None:
        self._store = store
        self._rules = rules
        self._now = now
        self._name = name

    def record(self, group: Sequence[Finished]) -> None:
        """Records some mails in one transaction; mail by mail where something stands in the way.

        Raises StorageUnavailable; then nothing of the group is written that was not written before, and all of it
        may be tried again.
        """
        try:
            try:
                self._record_together(group)
            except Conflict:
                # Most often another worker invited the same companies meanwhile; the next look finds them there.
                self._record_together(group)
        except StorageUnavailable:
            raise
        except Exception as error:
            if len(group) == 1:
                self._record_alone(group[0], error)
            else:
                for one in group:
                    self.record([one])

    def _record_alone(self, one: Finished, error: Exception) -> None:
        if isinstance(error, Conflict):
            # Another worker made the same account or link meanwhile; decided again, the mail finds it there.
            again = tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(Conflict),
                stop=tenacity.stop_after_attempt(5),
                wait=tenacity.wait_random_exponential(0.01, max=0.5),
                reraise=True,
            )
            try:
                again(self._record_together, [one])
            except Conflict as still:
                error = still
            else:
                return
        mail_log.filing_failed(one.mail_id, error)
        with self._store.transaction() as records:
            self._note_failure(records, one.mail_id, f"filing failed: {type(error).__name__}")

    def _record_together(self, group: Sequence[Finished]) -> None:
        began = steps.clock()
        matched: list[steps.Done] = []
        with self._store.transaction() as records:
            mails = records.mails.held((one.mail_id for one in group), by=self._name)
            readings: list[tuple[ReceivedMail, MailReading]] = []
            for one in sorted(group, key=attrgetter("mail_id")):
                if one.mail_id not in mails:
                    mail_log.lost_claim(one.mail_id)
                elif isinstance(one.result, ReadingFailed):
                    self._note_failure(records, one.mail_id, one.result.reason)
                else:
                    readings.append((mails[one.mail_id], one.result))
            filings = self._filed(records, readings, matched)
        _tell(filings, matched, began)
        started = {one.mail_id: one.started for one in group}
        for filing in filings:
            mail_log.filed(filing, (time.monotonic() - started[filing.mail_id]) * 1000)

    def _filed(
        self,
        records: Transaction,
        readings: Sequence[tuple[ReceivedMail, MailReading]],
        matched: list[steps.Done],
    ) -> list[Filing]:
        """Decides about each mail as if those before it were on record already, then writes all of it.

        How long each decision took is added to `matched`.
        """
        if not readings:
            return []
        now = self._now()
        on_record = GroupOnRecord(records, readings, now, with_audience=self._rules.notices is not None)
        filings = []
        for mail, reading in readings:
            began = steps.clock()
            filing = Filer(mail, on_record.of(mail, reading), self._rules, now).file(reading)
            on_record.add(filing)
            filings.append(filing)
            matched.append(
                steps.Done(step=steps.Step.MATCH, mail_id=mail.id, began=began, ended=steps.clock())
            )
        records.mails.file_all(filings)
        recorded = [invoice.id for filing in filings for invoice in filing.invoices]
        records.webhook_deliveries.tell(WebhookEvent.RECEIVED, recorded, now)
        return filings

    def _note_failure(self, records: Transaction, mail_id: str, reason: str) -> None:
        now = self._now()
        mail = records.mails.get(mail_id)
        failures = mail.failures + 1
        quarantined = failures >= FAILURES_UNTIL_QUARANTINE
        if quarantined:
            filer = Filer(mail, _NOTHING_ON_RECORD, self._rules, now)
            records.mails.file(filer.quarantine(f"{reason} ({failures} times)"), by=self._name)
        else:
            pause = RETRY_AFTER * 2**mail.failures
            records.mails.failed(mail_id, by=self._name, reason=reason, not_before=now + pause)
            failed = HistoryEvent(
                at=now,
                event=HistoryEventName.READING_FAILED,
                actor="worker",
                detail={"reason": reason},
                mail_id=mail_id,
                invoice_id=None,
            )
            records.history.add([failed])
        mail_log.reading_failed(mail_id, reason, failures, quarantined)


def _tell(filings: Sequence[Filing], matched: Sequence[steps.Done], began: int) -> None:
    """What was decided and written together, once it is durable."""
    if not steps.listened_to():
        return
    ended = steps.clock()
    for decided, filing in zip(matched, filings, strict=True):
        rules = sorted({one.matched_by for one in filing.invoices if one.matched_by})
        steps.told(replace(decided, facts={"outcome": str(filing.outcome), "rules": ", ".join(rules)}))
        steps.told(
            steps.Done(
                step=steps.Step.RECORD,
                mail_id=filing.mail_id,
                began=began or ended,
                ended=ended,
                facts={
                    "together": len(filings),
                    "invoices": ", ".join(invoice.id for invoice in filing.invoices),
                },
            )
        )
