"""Tells how long claiming, reading and validating of each mail took, where somebody wants to know."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ingest.processing.recorder import Finished
from reading.sandbox import ReadingFailed
from storage.filed.validations import Waiting
from storage.records.validation import Validation
from tracing import steps
from validation.examiners import ExaminationFailed


def claimed(mail_ids: Sequence[str], began: int, by: str) -> None:
    """Mails were taken off the queue together; `began` is when it was asked for any."""
    if not steps.listened_to():
        return
    ended = steps.clock()
    for mail_id in mail_ids:
        facts: dict[str, steps.Fact] = {"worker": by, "together": len(mail_ids)}
        steps.told(
            steps.Done(step=steps.Step.CLAIM, mail_id=mail_id, began=began or ended, ended=ended, facts=facts)
        )


def read(one: Finished) -> Finished:
    """A reader is done with a mail, well or not."""
    if steps.listened_to():
        ended = steps.clock()
        failed = one.result.reason if isinstance(one.result, ReadingFailed) else None
        found = 0 if isinstance(one.result, ReadingFailed) else len(one.result.invoices)
        steps.told(
            steps.Done(
                step=steps.Step.READ,
                mail_id=one.mail_id,
                began=ended - int((time.monotonic() - one.started) * 1e9),
                ended=ended,
                facts={"invoices": found},
                failed=failed,
            )
        )
    return one


def validated(waiting: Waiting, began: int, result: Validation | ExaminationFailed) -> None:
    """An invoice was held against the rules, well or not; `began` is when it was taken up."""
    if not steps.listened_to():
        return
    facts: dict[str, steps.Fact] = {"invoice": waiting.invoice_id, "tries": waiting.tries}
    failed = None
    if isinstance(result, ExaminationFailed):
        failed = result.reason
    else:
        facts |= {"status": str(result.status), "class": str(result.class_)}
    ended = steps.clock()
    steps.told(
        steps.Done(
            step=steps.Step.VALIDATE,
            mail_id=waiting.mail_id,
            began=began or ended,
            ended=ended,
            facts=facts,
            failed=failed,
        )
    )
