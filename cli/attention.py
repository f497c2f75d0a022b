"""What an operator should look at, from what `invoices status` found; each sentence says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MOST_QUEUED_SECONDS = 300
MOST_OVERDUE_SECONDS = 24 * 3600
LEAST_FREE_SHARE = 0.05
LEAST_FREE_OCTETS = 1024**3
LARGE_DISK_OCTETS = 100 * 1024**3  # 5 GiB are enough on any disk


def attention(status: dict[str, Any]) -> list[str]:
    """Sentences, the most urgent first; none when all is well."""
    return [*_unheard(status), *_disk(status), *_queue(status), *_quarantine(status), *_retention(status)]


def _unheard(status: dict[str, Any]) -> Iterator[str]:
    for address, answers in status["smtp"].items():
        if not answers:
            yield (
                f"nobody takes mail at {address}: is `invoices serve` running? `systemctl status 'invoices*'` and the "
                "log say why; senders keep their mail meanwhile"
            )


def _disk(status: dict[str, Any]) -> Iterator[str]:
    free, total = status["disk"]["free_octets"], status["disk"]["total_octets"]
    if free < max(LEAST_FREE_OCTETS, LEAST_FREE_SHARE * min(total, LARGE_DISK_OCTETS)):
        yield (
            f"only {free / 1024**3:.1f} GiB of the disk are free: make room; when it is full senders are told 451 and "
            "keep their mail"
        )


def _queue(status: dict[str, Any]) -> Iterator[str]:
    waits = status["oldest_queued_seconds"]
    if waits is not None and waits > MOST_QUEUED_SECONDS:
        yield (
            f"the oldest mail has waited {waits // 60} minutes to be filed: does `invoices serve worker` run? Look for "
            "`store-unavailable`, `reading-failed` and `worker-died` in the log"
        )


def _quarantine(status: dict[str, Any]) -> Iterator[str]:
    if status["quarantined"]:
        yield f"{status['quarantined']} in quarantine: `invoices quarantine list` has the reasons"


def _retention(status: dict[str, Any]) -> Iterator[str]:
    overdue = status["retention_overdue_seconds"]
    if overdue is not None and overdue > MOST_OVERDUE_SECONDS:
        yield (
            f"what should have been deleted {overdue // 3600} hours ago is still there: does invoices-retention.timer "
            "run? `invoices retention run` deletes it now"
        )
