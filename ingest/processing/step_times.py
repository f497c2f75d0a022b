"""Tells how long claiming, reading, matching and recording of each mail took, where somebody wants to know."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ingest.processing.recorder import Finished
from reading.sandbox import ReadingFailed
from tracing import steps


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
