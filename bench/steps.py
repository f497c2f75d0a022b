"""What each step of a mail's way takes by itself: one thread, one process, one mail after the other."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.mails import BenchMail
from ingest.processing.filing import Filer, Rules
from ingest.processing.on_record import GroupOnRecord
from ingest.receiving.transfer_key import transfer_digest
from reading.mail import read_mail
from reading.mime import parse_mail
from storage import codec
from storage.expiring.expiry import RetentionPeriods
from storage.ids import new_id
from storage.records.mails import ContentInMemory, Envelope, IncomingMail
from storage.records.reading import MailReading
from storage.store import Store

AT_ONCE = 32  # as many mails share a transaction as in ingest/processing/processor.py
WORKER = "bench"


@dataclass(slots=True)
class Step:
    """Milliseconds a mail, means over the mails."""

    processor: float = 0.0
    elapsed: float = 0.0  # with waiting for the disk or the database server, and for other programs


class _Clock:
    """Adds up what each step takes."""

    def __init__(self, mails: int) -> None:
        self.steps: dict[str, Step] = defaultdict(Step)
        self._mails = mails

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        processor, elapsed = time.thread_time(), time.perf_counter()
        yield
        self.steps[name].processor += (time.thread_time() - processor) * 1000 / self._mails
        self.steps[name].elapsed += (time.perf_counter() - elapsed) * 1000 / self._mails


def measured_steps(mails: Sequence[BenchMail], database_url: str) -> dict[str, Step]:
    """What each step takes, in the order of a mail's way; no mail is queued at `database_url` yet."""
    clock = _Clock(len(mails))
    store = Store.open(database_url)
    try:
        for start in range(0, len(mails), AT_ONCE):
            _take_group(clock, store, mails[start : start + AT_ONCE])
    finally:
        store.close()
    return dict(clock.steps)


def _take_group(clock: _Clock, store: Store, mails: Sequence[BenchMail]) -> None:
    with clock.step("accept: transfer key"):
        incoming = [_incoming(mail) for mail in mails]
    with clock.step("accept: database, in groups"):
        store.add_mails(incoming)
    with clock.step("claim: database, in groups"), store.transaction() as records:
        claimed = records.mails.claim(by=WORKER, now=_now(), lease=timedelta(seconds=60), limit=AT_ONCE)
    with clock.step("load: database, in groups"):
        octets = store.octets.of(claimed)
    readings = {mail_id: _read(clock, octets[mail_id]) for mail_id in claimed}
    _record(clock, store, readings)


def _read(clock: _Clock, octets: bytes) -> MailReading:
    with clock.step("read: MIME"):
        parse_mail(octets)
    with clock.step("read: MIME and documents"):  # the step before, once more, and all that follows it
        reading = read_mail(octets)
    with clock.step("hand over: reader to worker"):
        return codec.reading_from_octets(codec.reading_to_octets(reading))


def _record(clock: _Clock, store: Store, readings: dict[str, MailReading]) -> None:
    with clock.step("record in all"), ExitStack() as open_transaction:
        records = open_transaction.enter_context(store.transaction())
        with clock.step("record: look up accounts and partner"):
            held = records.mails.held(readings, by=WORKER)
            mails = [(held[mail_id], reading) for mail_id, reading in readings.items()]
            on_record = GroupOnRecord(records, mails, _now(), with_audience=False)
        filings = []
        with clock.step("record: match and decide"):
            for mail, reading in mails:
                filings.append(Filer(mail, on_record.of(mail, reading), _RULES, _now()).file(reading))
                on_record.add(filings[-1])
        with clock.step("record: write"):
            records.mails.file_all(filings)
        with clock.step("record: commit, in groups"):
            open_transaction.close()


def _incoming(mail: BenchMail) -> IncomingMail:
    envelope = Envelope(
        reverse_path=mail.reverse_path,
        forward_paths=(mail.forward_path,),
        peer="127.0.0.1",
        helo="relay.example",
        tls=False,
        received_at=_now(),
    )
    return IncomingMail(
        id=new_id(),
        envelope=envelope,
        trace=b"Received: from relay.example\r\n",
        content=ContentInMemory(mail.octets),
        transfer_digest=transfer_digest(mail.octets, envelope),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _token_digest(link_id: str) -> bytes:
    return hashlib.sha256(link_id.encode()).digest()


_RULES = Rules(
    periods=RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365),
    link_life=timedelta(days=30),
    new_id=new_id,
    token_digest=_token_digest,
)
