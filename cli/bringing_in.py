"""Brings invoices of another mailbox in, a mail at a time: decided by what is on record, read anew, written whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from cli.export_record import ExportedInvoice, Label
from cli.export_soundness import fault
from cli.rereading import Change, changes
from ingest.processing.filing import BUYER_MISMATCH, same_invoice_digest
from ingest.receiving.transfer_key import transfer_digest
from reading.sandbox import ReaderPool, ReadingFailed
from storage.errors import Conflict, NotFound
from storage.inbox_query import Handling
from storage.records.companies import CompanyAccount
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Invoice, InvoiceState
from storage.records.mails import MailState, Outcome, ReceivedMail
from storage.records.reading import InvoiceReading, MailReading
from storage.store import Store
from storage.transaction import Transaction

_TRIES = 5  # while others write the same


class Fate(StrEnum):
    """What becomes of an invoice of the file."""

    IMPORTED = "imported"
    ON_RECORD = "on-record"  # it is here already
    EXPIRED = "expired"  # its time has come
    DELETED = "deleted"  # it was here and is deleted
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """One invoice of the file and what became of it."""

    invoice: ExportedInvoice
    fate: Fate
    reason: str | None = None
    differences: tuple[Change, ...] = ()  # between what was read there and what today's reader finds


@dataclass(frozen=True, slots=True)
class _ReadAnew:
    """A mail as today's reader sees it, and of each invoice what is to be on record."""

    trace: bytes
    octets: bytes
    digest: bytes
    reading: MailReading
    invoices: dict[str, InvoiceReading]  # by id
    differences: dict[str, tuple[Change, ...]]


class BringingIn:
    """Takes invoices of one export into one account."""

    def __init__(
        self,
        store: Store,
        account: CompanyAccount,
        label: Label,
        readers: ReaderPool,
        *,
        now: datetime,
        actor: str,
        most_octets: int,
    ) -> None:
        """`most_octets`: a larger mail is refused, as it would be over SMTP."""
        self._store = store
        self._account = account
        self._label = label
        self._readers = readers
        self._now = now
        self._actor = actor
        self._most_octets = most_octets

    def bring(
        self, invoices: Sequence[ExportedInvoice], original: Callable[[], bytes], *, dry_run: bool
    ) -> list[Brought]:
        """Decides about the invoices of one mail, and puts those that come on record: all in one transaction.

        Raises StorageUnavailable, Conflict; then nothing of them is written.
        """
        faults = {one.id: found for one in invoices if (found := fault(one, self._label, self._now))}
        sound = [one for one in invoices if one.id not in faults]
        with self._store.reading() as records:
            settled = self._settled(records, sound)
        coming = [one for one in sound if one.id not in settled]
        anew = self._read_anew(coming, original()) if coming else None
        if isinstance(anew, str):
            faults |= {one.id: anew for one in coming}
        elif anew is not None:
            missing = "today's reader finds no such invoice in its mail; `invoices replay` files the original"
            faults |= {one.id: missing for one in coming if one.id not in anew.invoices}
            if not dry_run:
                settled = self._written(sound, anew)
        return [
            Brought(invoice=one, fate=Fate.REFUSED, reason=faults[one.id])
            if one.id in faults
            else settled.get(one.id) or self._imported(one, anew)
            for one in invoices
        ]

    def _imported(self, one: ExportedInvoice, anew: _ReadAnew | str | None) -> Brought:
        differences = anew.differences.get(one.id, ()) if isinstance(anew, _ReadAnew) else ()
        return Brought(invoice=one, fate=Fate.IMPORTED, differences=differences)

    def _settled(self, records: Transaction, invoices: Sequence[ExportedInvoice]) -> dict[str, Brought]:
        """Those that do not come, by id: they are here, were here, have had their time, or cannot be put beside."""
        found = {}
        for one in invoices:
            fate = self._here(records, one) or self._mail_here(records, one)
            if fate is None and one.expires_at <= self._now:
                fate = Fate.EXPIRED, f"its time came on {one.expires_at:%Y-%m-%d}"
            if fate is not None:
                found[one.id] = Brought(invoice=one, fate=fate[0], reason=fate[1])
        return found

    def _here(self, records: Transaction, one: ExportedInvoice) -> tuple[Fate, str | None] | None:
        try:
            here = records.invoices.get(one.id)
        except NotFound:
            return None
        if here.state is InvoiceState.DELETED:
            return Fate.DELETED, f"it was deleted here on {here.deleted_at:%Y-%m-%d}; that is for good"
        if here.account_id != self._account.id:
            return Fate.REFUSED, f"it is on record under another account, {here.account_id}"
        return Fate.ON_RECORD, None

    def _mail_here(self, records: Transaction, one: ExportedInvoice) -> tuple[Fate, str | None] | None:
        digest = bytes.fromhex(one.mail.transfer_digest)
        mail_id = records.imports.mail_on_record(one.mail.id, digest)
        if mail_id is None:
            return None
        mail = records.mails.get(mail_id)
        if mail.state is MailState.DELETED:
            return Fate.DELETED, f"its mail was deleted here on {mail.deleted_at:%Y-%m-%d}; that is for good"
        beside = [
            invoice
            for invoice in records.invoices.of_mails([mail_id])
            if invoice.account_id == self._account.id and invoice.position == one.position
        ]
        if beside:
            return Fate.ON_RECORD, f"the same mail is here, and its invoice is {beside[0].id}"
        if records.imports.transfer_digest(mail_id) != digest:
            return Fate.REFUSED, f"another mail is on record as {mail_id}"
        if mail_id != one.mail.id or mail.outcome is not Outcome.RECORDED:
            return Fate.REFUSED, (
                f"the same mail is here as {mail_id} ({mail.outcome or mail.state}), without this invoice for this "
                f"account; `invoices explain {mail_id}` says why"
            )
        return None

    def _read_anew(self, invoices: Sequence[ExportedInvoice], original: bytes) -> _ReadAnew | str:
        """What is put on record of the mail, or why it cannot be: nothing but its octets is believed."""
        mail = invoices[0].mail
        trace, octets = original[: mail.trace_octets], original[mail.trace_octets :]
        if len(octets) != mail.size:
            return "its original has another size than its record says"
        if len(octets) > self._most_octets:
            return f"its mail has {len(octets)} octets, more than smtp.max_message_bytes; set that higher"
        digest = transfer_digest(octets, mail.envelope)
        if digest.hex() != mail.transfer_digest:
            return "its original is not the mail that its record tells of"
        reading = self._read(mail.id, octets)
        if isinstance(reading, ReadingFailed):
            return f"today's reader cannot read its mail: {reading.reason}"
        found = {one.id: again for one in invoices if (again := _again(one, reading))}
        differences = {
            one.id: tuple(
                changes(reading.message, [one.reading], replace(reading, invoices=(found[one.id],)))
            )
            for one in invoices
            if one.id in found
        }
        return _ReadAnew(trace, octets, digest, reading, found, differences)

    def _read(self, mail_id: str, octets: bytes) -> MailReading | ReadingFailed:
        failed = self._readers.start(mail_id, octets)
        while failed is None:
            for _, result in self._readers.finished(1.0):
                return result
        return failed

    def _written(self, invoices: Sequence[ExportedInvoice], anew: _ReadAnew) -> dict[str, Brought]:
        """Decides once more, for others write meanwhile, and writes; what was not to come, by id."""
        for _ in range(_TRIES - 1):
            try:
                return self._write(invoices, anew)
            except Conflict:
                continue  # the same mail came in just now: the next look finds it
        return self._write(invoices, anew)

    def _write(self, invoices: Sequence[ExportedInvoice], anew: _ReadAnew) -> dict[str, Brought]:
        with self._store.transaction() as records:
            mail = invoices[0].mail
            records.imports.mail_on_record(mail.id, anew.digest, locked=True)
            settled = self._settled(records, invoices)
            coming = [one for one in invoices if one.id not in settled and one.id in anew.invoices]
            if coming:
                self._put(records, coming, anew)
        return settled

    def _put(self, records: Transaction, coming: Sequence[ExportedInvoice], anew: _ReadAnew) -> None:
        mail = coming[0].mail
        until = max(one.expires_at for one in coming)
        events = [event for one in coming for event in one.events if event.invoice_id is not None]
        if records.imports.mail_on_record(mail.id, anew.digest):
            records.imports.keep_mail(mail.id, until)
        else:
            records.imports.add_mail(
                self._mail(coming[0], anew, until),
                trace=anew.trace,
                octets=anew.octets,
                transfer_digest=anew.digest,
                check_at=self._now if mail.authentication is None else None,
            )
            events = [event for event in coming[0].events if event.invoice_id is None] + events
        put = [(one, self._invoice(one, anew)) for one in coming]
        records.invoices.add([invoice for _, invoice in put], {mail.id: anew.reading.message.subject})
        records.second_looks.put_all([(invoice, one.second_look) for one, invoice in put if one.second_look])
        records.warnings.replace(
            [(invoice, one.sender_warnings) for one, invoice in put if one.sender_warnings], at=self._now
        )
        for one, invoice in put:
            handling = Handling(
                done_at=one.done_at, done_by=None, note=one.note, acknowledged_at=one.acknowledged_at
            )
            records.imports.put_handling(invoice, handling)
        events.sort(key=lambda event: event.at)  # those of one instant stay in their order
        records.history.add([*events, *(self._event(one, anew) for one in coming)])

    def _mail(self, one: ExportedInvoice, anew: _ReadAnew, until: datetime) -> ReceivedMail:
        return ReceivedMail(
            id=one.mail.id,
            received_at=one.mail.envelope.received_at,
            state=MailState.FILED,
            outcome=Outcome.RECORDED,
            reason=None,
            envelope=one.mail.envelope,
            size=len(anew.octets),
            failures=0,
            message_id=anew.reading.message.message_id,
            message=anew.reading.message,
            expires_at=until,
            deleted_at=None,
            authentication=one.mail.authentication,
        )

    def _invoice(self, one: ExportedInvoice, anew: _ReadAnew) -> Invoice:
        reading = anew.invoices[one.id]
        return Invoice(
            id=one.id,
            mail_id=one.mail.id,
            position=one.position,
            account_id=self._account.id,
            matched_by=one.matched_by,
            environment=one.environment,
            environment_reason=one.environment_reason,
            state=InvoiceState.AVAILABLE,
            received_at=one.mail.envelope.received_at,
            expires_at=one.expires_at,
            invoice_number=reading.terms.invoice_number,
            issue_date=reading.terms.issue_date,
            reading=reading,
            same_invoice=same_invoice_digest(reading.terms),
            duplicate_of=None,
            evidence=tuple(
                replace(evidence, account_id=self._account.id)
                for evidence in one.evidence
                if evidence.account_id == one.account_id
            ),
        )

    def _event(self, one: ExportedInvoice, anew: _ReadAnew) -> HistoryEvent:
        return HistoryEvent(
            at=self._now,
            event=HistoryEventName.IMPORTED,
            actor=self._actor,
            detail={
                "from": self._label.mailbox,
                "exported_at": self._label.made_at.isoformat(),
                "differences": str(len(anew.differences.get(one.id, ()))),
            },
            mail_id=one.mail.id,
            invoice_id=one.id,
        )


def _again(one: ExportedInvoice, reading: MailReading) -> InvoiceReading | None:
    """The same document as today's reader reads it; what its filing said about the buyer stays with it."""
    alike = [found for found in reading.invoices if found.document.sha256 == one.reading.document.sha256]
    number = one.reading.terms.invoice_number
    found = next((found for found in alike if found.terms.invoice_number == number), None)
    if found is None and len(alike) == 1:
        found = alike[0]
    if found is None:
        return None
    said = any(warning.code == BUYER_MISMATCH.code for warning in one.reading.warnings)
    return replace(found, warnings=(*found.warnings, BUYER_MISMATCH)) if said else found
