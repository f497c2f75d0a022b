"""What an operator should look at, from what `invoices status` found; each sentence says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MOST_QUEUED_SECONDS = 300
MOST_UNSENT = 100  # more than a burst of invoices leaves for a moment
MOST_OVERDUE_SECONDS = 24 * 3600
LEAST_FREE_SHARE = 0.05
LEAST_FREE_OCTETS = 1024**3
LARGE_DISK_OCTETS = 100 * 1024**3  # 5 GiB are enough on any disk


def attention(status: dict[str, Any]) -> list[str]:
    """Sentences, the most urgent first; none when all is well."""
    looks = (_unheard, _disk, _queue, _quarantine, _outbox, _retention)
    return [sentence for look in looks for sentence in look(status)]


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


def _outbox(status: dict[str, Any]) -> Iterator[str]:
    if (waiting := status["outbox"].get("queued", 0)) > MOST_UNSENT:
        yield (
            f"{waiting} mails of ours wait to be sent: does the smarthost take them? `smarthost-away` in the log has "
            "its words, `invoices check-config` tries it"
        )
    if failed := status["outbox"].get("failed", 0):
        yield f"{failed} mails of ours were refused for good: `invoices outbound list --state failed` has the replies"


def _retention(status: dict[str, Any]) -> Iterator[str]:
    overdue = status["retention_overdue_seconds"]
    if overdue is not None and overdue > MOST_OVERDUE_SECONDS:
        yield (
            f"what should have been deleted {overdue // 3600} hours ago is still there: does invoices-retention.timer "
            "run? `invoices retention run` deletes it now"
        )
