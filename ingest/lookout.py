"""Looks now and then for what nobody else would tell: a queue that stands still, a disk that fills, and the like."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from config.next_steps import next_steps
from config.settings import Settings
from ingest import mail_log
from storage.errors import StoreError
from storage.records.outgoing import OutboundState
from storage.store import Store

EVERY_SECONDS = 60.0
AGAIN_SECONDS = 6 * 3600.0  # so long a trouble is not told again

MOST_QUEUED_SECONDS = 300
MOST_UNSENT = 100  # more than a burst of invoices leaves for a moment
MOST_OVERDUE_SECONDS = 24 * 3600
LEAST_FREE_SHARE = 0.05
LEAST_FREE_OCTETS = 1024**3
LARGE_DISK_OCTETS = 100 * 1024**3  # 5 GiB are enough on any disk
LEAST_CERTIFICATE_SECONDS = 10 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was found at one look; None where there is nothing of the kind."""

    free_octets: int
    total_octets: int
    oldest_queued_seconds: float | None
    quarantined: int
    unsent: int
    failed: int  # mails of ours that are not tried any more
    overdue_seconds: float | None  # the invoice that should have been deleted first
    certificate_seconds: float | None  # until it ends; negative after that


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that somebody should look at; `event` is its name in the log."""

    event: str
    cause: str

    @property
    def next_step(self) -> str:
        """What to do."""
        return next_steps()["events"][self.event]


def findings(seen: Seen) -> list[Finding]:
    """The most urgent first; none when all is well."""
    looks = (_disk, _queue, _certificate, _quarantine, _outbox, _retention)
    return [finding for look in looks for finding in look(seen)]


def _disk(seen: Seen) -> Iterator[Finding]:
    if seen.free_octets < max(
        LEAST_FREE_OCTETS, LEAST_FREE_SHARE * min(seen.total_octets, LARGE_DISK_OCTETS)
    ):
        yield Finding("disk-low", f"only {seen.free_octets / 1024**3:.1f} GiB of the disk are free")


def _queue(seen: Seen) -> Iterator[Finding]:
    waits = seen.oldest_queued_seconds
    if waits is not None and waits > MOST_QUEUED_SECONDS:
        yield Finding(
            "queue-stands-still", f"the oldest mail has waited {waits / 60:.0f} minutes to be filed"
        )


def _certificate(seen: Seen) -> Iterator[Finding]:
    left = seen.certificate_seconds
    if left is not None and left < 0:
        yield Finding("certificate-ends", "the certificate of SMTP has ended")
    elif left is not None and left < LEAST_CERTIFICATE_SECONDS:
        yield Finding("certificate-ends", f"the certificate of SMTP ends in {left / 86400:.0f} days")


def _quarantine(seen: Seen) -> Iterator[Finding]:
    if seen.quarantined:
        yield Finding("mails-in-quarantine", f"{seen.quarantined} in quarantine")


def _outbox(seen: Seen) -> Iterator[Finding]:
    if seen.unsent > MOST_UNSENT:
        yield Finding("mails-unsent", f"{seen.unsent} mails of ours wait to be sent")
    if seen.failed:
        yield Finding("mails-failed", f"{seen.failed} mails of ours were refused for good")


def _retention(seen: Seen) -> Iterator[Finding]:
    overdue = seen.overdue_seconds
    if overdue is not None and overdue > MOST_OVERDUE_SECONDS:
        yield Finding(
            "retention-late", f"what should have been deleted {overdue / 3600:.0f} hours ago is still there"
        )


def certificate_end(settings: Settings) -> datetime | None:
    """When the certificate of SMTP ends; None when there is none, or it cannot be read."""
    file = settings.smtp.tls_certificate
    if file is not None:
        with suppress(OSError, ValueError):
            return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    return None


def look(settings: Settings, store: Store, now: datetime) -> Seen:
    """As things are now. Raises StorageUnavailable, OSError."""
    with store.reading() as records:
        oldest, quarantined = records.mails.oldest_queued(), records.mails.quarantined()
        overdue, outbox = records.expired.longest_due(now), records.outbox.counts()
    usage, ends = shutil.disk_usage(settings.data_dir), certificate_end(settings)
    return Seen(
        free_octets=usage.free,
        total_octets=usage.total,
        oldest_queued_seconds=(now - oldest).total_seconds() if oldest else None,
        quarantined=quarantined,
        unsent=outbox.get(OutboundState.QUEUED, 0),
        failed=outbox.get(OutboundState.FAILED, 0),
        overdue_seconds=(now - overdue).total_seconds() if overdue else None,
        certificate_seconds=(ends - now).total_seconds() if ends else None,
    )


class Lookout:
    """Tells the log what it finds: once when it begins, and again while it lasts."""

    _TELL: dict[str, Callable[[str], None]] = {  # noqa: RUF012  -- a table that nobody changes
        "disk-low": mail_log.disk_low,
        "queue-stands-still": mail_log.queue_stands_still,
        "certificate-ends": mail_log.certificate_ends,
        "mails-in-quarantine": mail_log.mails_in_quarantine,
        "mails-unsent": mail_log.mails_unsent,
        "mails-failed": mail_log.mails_failed,
        "retention-late": mail_log.retention_late,
    }

    def __init__(self, settings: Settings, store: Store, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._store = store
        self._now = now
        self._told: dict[str, float] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(StoreError, OSError):  # a database that is away is told by whoever needs it
                self._tell(findings(await asyncio.to_thread(self._look)))
            await asyncio.sleep(EVERY_SECONDS)

    def _look(self) -> Seen:
        return look(self._settings, self._store, self._now())

    def _tell(self, found: list[Finding]) -> None:
        at = time.monotonic()
        names = {finding.event for finding in found}
        self._told = {event: since for event, since in self._told.items() if event in names}
        for finding in found:
            if at - self._told.get(finding.event, -AGAIN_SECONDS) >= AGAIN_SECONDS:
                self._told[finding.event] = at
                self._TELL[finding.event](finding.cause)
