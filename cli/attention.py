"""What an operator should look at, from what `invoices status` found; each sentence says what to do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from config.troubles import Trouble
from ingest.lookout import Finding, Seen, findings

# What is seen as it is now; that it is in the log, too, is no further trouble.
_SEEN = {
    *("disk-low", "queue-stands-still", "certificate-ends", "mails-in-quarantine", "mails-unsent"),
    *("mails-failed", "retention-late", "quarantined", "send-failed"),
}
_EVERYDAY = {
    "rejected",
    "call-failed",
    "webhook-disabled",
}  # a stranger's mistake as a rule, so it is shown below what is ours to mend
_SHORTEST_AGO = timedelta(minutes=2)


def attention(smtp: dict[str, bool], seen: Seen, lately: Iterable[Trouble], now: datetime) -> list[str]:
    """Sentences, the most urgent first; none when all is well."""
    unheard = [
        f"nobody takes mail at {address}: is `invoices serve` running? `systemctl status 'invoices*'` and the "
        "log say why; senders keep their mail meanwhile"
        for address, answers in smtp.items()
        if not answers
    ]
    logged = [
        told(trouble, now)
        for trouble in lately
        if trouble.event not in _SEEN and trouble.event not in _EVERYDAY
    ]
    return unheard + [_sentence(finding) for finding in findings(seen)] + logged


def everyday(lately: Iterable[Trouble], now: datetime) -> list[str]:
    """What was refused of late, for whoever misses a mail."""
    return [told(trouble, now) for trouble in lately if trouble.event in _EVERYDAY]


def told(trouble: Trouble, now: datetime) -> str:
    """A line of the log as a sentence, with when it was."""
    often = f"{trouble.times} times, last " if trouble.times > 1 else ""
    ago = _ago(now - datetime.fromisoformat(trouble.last_at))
    return f"`{trouble.event}` {often}{ago} ago ({trouble.cause}): {trouble.next_step}"


def _sentence(finding: Finding) -> str:
    return f"{finding.cause}: {finding.next_step}"


def _ago(since: timedelta) -> str:
    if since < _SHORTEST_AGO:
        return f"{max(0, round(since.total_seconds()))} seconds"
    return f"{round(since.total_seconds() / 60)} minutes"
