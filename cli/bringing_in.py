"""Brings invoices of another mailbox in, a mail at a time: decided by what is on record, read anew, written whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cli.export_record import ExportedInvoice, Label
from cli.export_soundness import fault
from cli.import_fates import Fate, Settled, settled
from cli.read_anew import ReadAnew, read_anew
from cli.rereading import Change
from ingest.processing.filing import same_invoice_digest
from reading.sandbox import ReaderPool
from storage.errors import Conflict
from storage.filed.inbox_query import Handling
from storage.records.companies import CompanyAccount
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Invoice, InvoiceState
from storage.records.mails import MailState, Outcome, ReceivedMail
from storage.store import Store
from storage.transaction import Transaction

_TRIES = 5  # while others write the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """One invoice of the file and what became of it."""

    invoice: ExportedInvoice
    fate: Fate
    reason: str | None = None
    differences: tuple[Change, ...] = ()  # between what was read there and what today's reader finds


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
            not_coming = settled(records, self._account.id, sound, self._now)
        coming = [one for one in sound if one.id not in not_coming]
        anew = read_anew(coming, original(), self._readers, self._most_octets) if coming else None
        if isinstance(anew, str):
            faults |= {one.id: anew for one in coming}
        elif anew is not None:
            missing = "today's reader finds no such invoice in its mail; `invoices replay` files the original"
            faults |= {one.id: missing for one in coming if one.id not in anew.invoices}
            if not dry_run:
                not_coming = self._written(sound, anew)
        not_coming |= {invoice_id: (Fate.REFUSED, reason) for invoice_id, reason in faults.items()}
        differences = anew.differences if isinstance(anew, ReadAnew) else {}
        return [
            Brought(invoice=one, fate=not_coming[one.id][0], reason=not_coming[one.id][1])
            if one.id in not_coming
            else Brought(invoice=one, fate=Fate.IMPORTED, differences=differences.get(one.id, ()))
            for one in invoices
        ]

    def _written(self, invoices: Sequence[ExportedInvoice], anew: ReadAnew) -> dict[str, Settled]:
        """Decides once more, for others write meanwhile, and writes; what was not to come, by id."""
        for _ in range(_TRIES - 1):
            try:
                return self._write(invoices, anew)
            except Conflict:
                continue  # the same mail came in just now: the next look finds it
        return self._write(invoices, anew)

    def _write(self, invoices: Sequence[ExportedInvoice], anew: ReadAnew) -> dict[str, Settled]:
        with self._store.transaction() as records:
            mail = invoices[0].mail
            records.imports.mail_on_record(mail.id, anew.digest, locked=True)
            not_coming = settled(records, self._account.id, invoices, self._now)
            coming = [one for one in invoices if one.id not in not_coming and one.id in anew.invoices]
            if coming:
                self._put(records, coming, anew)
        return not_coming

    def _put(self, records: Transaction, coming: Sequence[ExportedInvoice], anew: ReadAnew) -> None:
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

    def _mail(self, one: ExportedInvoice, anew: ReadAnew, until: datetime) -> ReceivedMail:
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

    def _invoice(self, one: ExportedInvoice, anew: ReadAnew) -> Invoice:
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

    def _event(self, one: ExportedInvoice, anew: ReadAnew) -> HistoryEvent:
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
