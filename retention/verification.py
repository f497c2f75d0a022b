"""Verifies that everything on record is whole, everything deleted is gone, and the ledger says what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from storage.errors import NotFound
from storage.expiring.retention_ledger import FIRST, entry_digest
from storage.expiring.retention_records import ChainedEntry, LedgerEvent
from storage.expiring.soundness import PORTION, StoredMail
from storage.records.invoices import InvoiceState
from storage.records.mails import MailState, ReceivedMail
from storage.store import Store
from storage.transaction import Transaction

GRACE = timedelta(days=1)  # from when something is due to when it is overdue; a run comes every hour
_UNSTORABLE = (
    "\N{REPLACEMENT CHARACTER}"  # stands for what a database cannot hold, so no digest can be made again
)


class Check(StrEnum):
    """Everything that can be found; docs/retention.md tells what each means."""

    LEDGER_BROKEN = "ledger-broken"
    LEDGER_SHORT = "ledger-short"
    NOT_IN_LEDGER = "not-in-ledger"
    TOMBSTONE_MISSING = "tombstone-missing"
    CAME_BACK = "came-back"
    HALF_DELETED = "half-deleted"
    CONTENT_MISSING = "content-missing"
    MAIL_MISSING = "mail-missing"
    OCTETS_MISSING = "octets-missing"
    OCTETS_DAMAGED = "octets-damaged"
    OCTETS_LEFT_OVER = "octets-left-over"
    FILE_LEFT_OVER = "file-left-over"
    HISTORY_MISSING = "history-missing"
    EXPIRY_CHANGED = "expiry-changed"
    OVERDUE = "overdue"
    GUARD_MISSING = "guard-missing"
    GATE_OPEN = "gate-open"
    COUNT_WRONG = "count-wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something that must not be."""

    check: Check
    subject: str | None  # id of a mail or an invoice, a number in the ledger, a file, a trigger
    text: str


@dataclass(slots=True)
class Looked:
    """How much was looked at."""

    mails: int = 0
    invoices: int = 0
    tombstones: int = 0
    ledger_entries: int = 0


DigestOf = Callable[[ReceivedMail, bytes], bytes]


def verify(
    store: Store, now: datetime, digest_of: DigestOf, *, octets: bool = True
) -> Iterator[Found | Looked]:
    """Everything that is wrong, and at the end how much was looked at; writes nothing.

    `digest_of` makes the transfer digest of a mail again; with `octets` false only their number is compared.
    Mail may come in and be deleted meanwhile. Raises StorageUnavailable.
    """
    looked = Looked()
    yield from _guards(store)
    yield from _ledger(store, looked)
    yield from _tombstones(store, now, looked)
    yield from _records(store, now)
    yield from _tally(store)
    yield from _expiries(store, looked)
    yield from _octets(store, looked, digest_of if octets else None)
    yield looked


def _guards(store: Store) -> Iterator[Found]:
    with store.reading() as records:
        missing, permits = records.soundness.missing_guards(), records.gate.permits()
    for name in missing:
        yield _found(Check.GUARD_MISSING, name, "this trigger is missing, switched off or changed")
    if permits:
        yield _found(
            Check.GATE_OPEN, None, "a permit is committed: the database holds nothing off; delete its row"
        )


def _ledger(store: Store, looked: Looked) -> Iterator[Found]:
    with store.reading() as records:
        first: ChainedEntry | None = None
        before: ChainedEntry | None = None
        folded = {FIRST}
        counted = {LedgerEvent.INVOICE_DELETED: 0, LedgerEvent.MAIL_DELETED: 0}
        for one in records.ledger.entries():
            looked.ledger_entries += 1
            first = first or one
            if one.digest != entry_digest(one.id, one.previous, one.entry):
                yield _found(Check.LEDGER_BROKEN, str(one.id), "this entry was changed")
            if before is not None and (one.id, one.previous) != (before.id + 1, before.digest):
                yield _found(Check.LEDGER_BROKEN, str(one.id), "something before this entry is missing")
            if one.entry.event is LedgerEvent.FOLDED and one.entry.content_digest is not None:
                folded.add(one.entry.content_digest)
            if one.entry.event in counted:
                counted[one.entry.event] += 1
            before = one
        deleted = records.gate.counted()
    if first is not None and first.previous not in folded:
        yield _found(Check.LEDGER_BROKEN, str(first.id), "what came before this entry was taken away")
    expected = {
        LedgerEvent.INVOICE_DELETED: deleted["productive"] + deleted["test"],
        LedgerEvent.MAIL_DELETED: deleted["mails"],
    }
    whole = first is None or first.id == 1
    for event, number in expected.items():
        if counted[event] > number or (whole and counted[event] < number):
            yield _found(
                Check.LEDGER_SHORT, None, f"the ledger has {counted[event]} of {number} entries {event}"
            )


def _tombstones(store: Store, now: datetime, looked: Looked) -> Iterator[Found]:
    """The ledger and the tombstones tell of the same deletions."""
    kinds: list[
        tuple[
            LedgerEvent,
            Callable[[Transaction, str], list[tuple[str, datetime]]],
            Callable[[Transaction, list[str]], dict[str, str]],
        ]
    ] = [
        (
            LedgerEvent.INVOICE_DELETED,
            lambda records, after: records.soundness.deleted_invoices(after),
            lambda records, ids: records.soundness.states_of_invoices(ids),
        ),
        (
            LedgerEvent.MAIL_DELETED,
            lambda records, after: records.soundness.deleted_mails(after),
            lambda records, ids: records.soundness.states_of_mails(ids),
        ),
    ]
    with store.reading() as records:
        began = records.ledger.began_at()
        for event, deleted, states in kinds:
            after = ""
            while rows := deleted(records, after):
                looked.tombstones += len(rows)
                after = rows[-1][0]
                told = records.ledger.told(event, [row[0] for row in rows])
                for subject, at in rows:
                    # Before there was a ledger, and once its entry has had its time, there is none.
                    if subject not in told and began is not None and at >= began:
                        yield _found(
                            Check.NOT_IN_LEDGER, subject, "it was deleted without an entry in the ledger"
                        )
            number = 0
            while entries := records.ledger.of_event(event, number, PORTION, kept_after=now):
                number = entries[-1][0]
                there = states(records, [subject for _, subject in entries])
                for _, subject in entries:
                    if subject not in there:
                        yield _found(Check.TOMBSTONE_MISSING, subject, "its tombstone went before its time")
                    elif there[subject] not in (InvoiceState.DELETED, MailState.DELETED):
                        yield _found(
                            Check.CAME_BACK, subject, "the ledger says that it is deleted, but it is there"
                        )


def _records(store: Store, now: datetime) -> Iterator[Found]:
    with store.reading() as records:
        sound = records.soundness
        checks: list[tuple[Check, Iterator[str], str]] = [
            (Check.HALF_DELETED, sound.half_deleted_invoices(), "the invoice is deleted but not empty"),
            (Check.HALF_DELETED, sound.half_deleted_mails(), "the mail is deleted but not empty"),
            (Check.CONTENT_MISSING, sound.emptied_invoices(), "the invoice is available but empty"),
            (Check.MAIL_MISSING, sound.orphaned_invoices(), "the mail of this invoice is not there"),
            (Check.HISTORY_MISSING, sound.mails_without_beginning(), "no event says that the mail came in"),
            (Check.HISTORY_MISSING, sound.invoices_without_beginning(), "no event says that it was recorded"),
            (Check.OVERDUE, sound.overdue_invoices(now - GRACE), "the invoice should be deleted by now"),
            (Check.OVERDUE, sound.overdue_mails(now - GRACE), "the mail should be deleted by now"),
            (Check.OCTETS_LEFT_OVER, sound.octets_left_over(), "octets are there of a mail that is gone"),
            (
                Check.FILE_LEFT_OVER,
                sound.unknown_files(),
                "the database knows nothing of this file of octets",
            ),
        ]
        for check, subjects, told in checks:
            for subject in subjects:
                yield _found(check, subject, told)


def _tally(store: Store) -> Iterator[Found]:
    with store.reading() as records:
        if records.tally.counted_at() is None:
            return  # nobody relies on it yet
        differences = records.tally.differences()
    for kind, number in differences.items():
        told = f"{abs(number)} {'more' if number > 0 else 'fewer'} are there than are kept"
        yield _found(Check.COUNT_WRONG, kind, told)


def _expiries(store: Store, looked: Looked) -> Iterator[Found]:
    after = ""
    while True:
        with store.reading() as records:
            rows = records.soundness.invoices(after)
        if not rows:
            return
        looked.invoices += len(rows)
        after = rows[-1][0]
        for subject, expires_at, told in rows:
            if told is not None and abs(told - expires_at) >= timedelta(seconds=1):
                yield _found(
                    Check.EXPIRY_CHANGED,
                    subject,
                    f"it expires on {expires_at:%Y-%m-%d}, its history says {told:%Y-%m-%d}",
                )


def _octets(store: Store, looked: Looked, digest_of: DigestOf | None) -> Iterator[Found]:
    after = ""
    while True:
        with store.reading() as records:
            mails = records.soundness.mails(after)
        if not mails:
            return
        looked.mails += len(mails)
        after = mails[-1].id
        for mail in mails:
            yield from _octets_of(store, mail, digest_of)


def _octets_of(store: Store, stored: StoredMail, digest_of: DigestOf | None) -> Iterator[Found]:
    if stored.stored != stored.size:
        with store.reading() as records:
            there = records.soundness.states_of_mails([stored.id])
        if there.get(stored.id) not in (None, MailState.DELETED):  # else retention took it just now
            missing = stored.stored is None
            yield _found(
                Check.OCTETS_MISSING if missing else Check.OCTETS_DAMAGED,
                stored.id,
                f"{stored.stored or 0} of {stored.size} octets of the mail are there",
            )
        return
    if digest_of is None:
        return
    with store.reading() as records:
        try:
            mail = records.mails.get(stored.id)
            if mail.state is MailState.DELETED or _cannot_be_made_again(mail):
                return
            octets = records.mails.octets(stored.id)
        except (NotFound, OSError) as error:
            yield _found(Check.OCTETS_MISSING, stored.id, str(error))
            return
    if digest_of(mail, octets) != stored.transfer_digest:
        yield _found(Check.OCTETS_DAMAGED, stored.id, "the octets of the mail are not those that came in")


def _cannot_be_made_again(mail: ReceivedMail) -> bool:
    return any(_UNSTORABLE in path for path in (mail.envelope.reverse_path, *mail.envelope.forward_paths))


def _found(check: Check, subject: str | None, text: str) -> Found:
    return Found(check=check, subject=subject, text=text)
