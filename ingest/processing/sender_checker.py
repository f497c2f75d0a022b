"""Checks senders beside the worker: after a mail is on record, so that no slow DNS delays it, and again on trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ingest import mail_log
from ingest.processing.authentication.checking import Trust
from ingest.processing.authentication.process import CheckingProcess, ToCheck
from ingest.processing.calls import Calls
from ingest.processing.weighing import Checked, weigh
from storage.errors import Conflict, StorageUnavailable
from storage.records.mails import ReceivedMail
from storage.records.senders import SenderAuthentication, SenderStatus
from storage.store import Store

AT_ONCE = 32
OCTETS_AT_ONCE = 64 * 1024**2
LEASE = timedelta(seconds=120)
GATHER_SECONDS = 0.5  # so long a few mails wait for others that are checked with them
BUSY_SECONDS = 1.0  # between two batches while mails wait to be filed
PAUSE_SECONDS = 5.0  # while the store is away
# When a sender is checked again after the DNS gave no answer, from one check to the next; then it stays at that.
AGAIN_AFTER = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))


class SenderChecker:
    """Takes mails on record whose sender is not known yet, a few at a time."""

    def __init__(self, store: Store, trust: Trust, now: Callable[[], datetime]) -> None:
        self._store = store
        self._trust = trust
        self._now = now
        self._calls = Calls()
        self._stop = self._calls.stopped
        self._process = CheckingProcess(trust, self._stop)

    def call(self) -> None:
        """A mail was filed; from any thread."""
        self._calls.call()

    def stop(self) -> None:
        """Take nothing more; from any thread."""
        self._calls.stop()

    def close(self) -> None:
        """Ends the checking process; for whoever calls check_due() and not run()."""
        self._process.close()

    def run(self) -> None:
        """Works until stop() is called; an error of ours is told and ends nothing."""
        try:
            while not self._stop.is_set():
                try:
                    if self._have_gathered() and self._check_some() == AT_ONCE:
                        self._give_way()
                        continue
                except StorageUnavailable as error:
                    mail_log.store_unavailable("check senders", error, PAUSE_SECONDS)
                    self._stop.wait(PAUSE_SECONDS)
                except Exception as error:
                    mail_log.sender_check_failed(error)
                    self._stop.wait(PAUSE_SECONDS)
                self._calls.wait(GATHER_SECONDS)
        finally:
            self._process.close()

    def _give_way(self) -> None:
        """While mails wait to be filed, these come first: a few senders are checked now and then."""
        with self._store.asking() as records:
            waiting = records.mails.has_due(self._now())
        if waiting:
            self._stop.wait(BUSY_SECONDS)

    def _have_gathered(self) -> bool:
        """Many nodes that look in turns would else check each mail by itself."""
        now = self._now()
        with self._store.asking() as records:
            due, since = records.sender_checks.waiting(now, AT_ONCE)
        if due:
            self.call()  # nobody else will, for those that come in vain now
        return due == AT_ONCE or (since is not None and (now - since).total_seconds() >= GATHER_SECONDS)

    def check_due(self) -> int:
        """Checks some mails that are due; how many. Raises StorageUnavailable."""
        now = self._now()
        with self._store.asking() as records:
            if not records.sender_checks.waiting(now, 1)[0]:
                return 0
        return self._check_some()

    def _check_some(self) -> int:
        now = self._now()
        with self._store.transaction() as records:
            ids = records.sender_checks.claim(now=now, lease=LEASE, limit=AT_ONCE)
            mails = records.mails.by_ids(ids)
        for some in batches([mails[mail_id] for mail_id in sorted(ids)], OCTETS_AT_ONCE):
            self._check(some)
        return len(ids)

    def _check(self, mails: Sequence[ReceivedMail]) -> None:
        octets = self._store.octets.of([mail.id for mail in mails])
        there = [mail for mail in mails if octets.get(mail.id)]
        now = self._now()
        found = self._process.check([ToCheck(one.id, one.envelope, octets[one.id]) for one in there], now)
        checked = []
        for mail in there:
            if mail.id not in found and self._stop.is_set():
                continue  # cut off by us; due again when the lease ends
            checks = mail.authentication.checks + 1 if mail.authentication else 1
            checked.append(Checked(mail, replace(found.get(mail.id) or _unfinished(now), checks=checks)))
        gone = [mail.id for mail in mails if not octets.get(mail.id)]
        try:
            self._record(checked, gone, now)
        except Conflict:
            # Another worker learned of the same partner meanwhile; the next look finds it there.
            self._record(checked, gone, now)
        for one in there:
            if one.id in found:
                mail_log.sender_checked(one.id, found[one.id])

    def _record(self, checked: Sequence[Checked], gone: Sequence[str], now: datetime) -> None:
        with self._store.transaction() as records:
            records.sender_checks.give_up(gone)
            recorded = records.sender_checks.record(
                [(one.mail.id, one.found, self._again_at(one.found, now)) for one in checked]
            )
            weigh(records, [one for one in checked if one.mail.id in recorded], now)

    def _again_at(self, authentication: SenderAuthentication, now: datetime) -> datetime | None:
        again = authentication.status is SenderStatus.TEMPERROR and bool(self._trust.resolvers)
        if not again or authentication.checks > len(AGAIN_AFTER):
            return None
        return now + AGAIN_AFTER[authentication.checks - 1]


def batches(mails: Iterable[ReceivedMail], octets: int) -> Iterator[list[ReceivedMail]]:
    """The mails in their order, each batch of not more octets unless it is a single mail."""
    batch: list[ReceivedMail] = []
    for mail in mails:
        if batch and sum(one.size for one in batch) + mail.size > octets:
            yield batch
            batch = []
        batch.append(mail)
    if batch:
        yield batch


def _unfinished(now: datetime) -> SenderAuthentication:
    return SenderAuthentication(
        status=SenderStatus.TEMPERROR,
        domain=None,
        from_domain=None,
        reason="checking the sender took too long; it is tried again",
        results=(),
        relay_results=(),
        client=None,
        hops=(),
        checked_at=now,
    )
