"""`invoices replay --dry-run`: what would become of stored mails, by the daemon's own rules; nothing is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from cli import forms
from config.settings import Settings
from ingest.filing_settings import filing_rules
from ingest.processing.filing import Filer
from ingest.processing.on_record import GroupOnRecord
from reading.sandbox import ReaderPool, ReadingFailed
from storage.records.filing import Filing
from storage.records.invoices import Invoice
from storage.records.mails import IncomingMail, MailState, Outcome, ReceivedMail
from storage.store import Store
from storage.transaction import Transaction


class Trial:
    """Reads mails and decides about each as if it had come in now, behind those before it."""

    def __init__(self, settings: Settings, store: Store, readers: ReaderPool) -> None:
        self._store = store
        self._readers = readers
        # No link is made, and nobody is told.
        self._rules = replace(filing_rules(settings, lambda _: b""), notices=None)
        self._added: list[Filing] = []  # what those before would add that later ones find
        self._seen: set[bytes] = set()  # transfers

    def of(self, mail: IncomingMail, now: datetime) -> dict[str, Any]:
        """What `replay` would say of it, as far as that can be known before. Raises StorageUnavailable."""
        with self._store.reading() as records:
            known = records.imports.mail_on_record(mail.id, mail.transfer_digest)
        if known is not None or mail.transfer_digest in self._seen:
            return {"mail_id": known, "outcome": Outcome.DUPLICATE, "reason": "is on record already"}
        self._seen.add(mail.transfer_digest)
        reading = self._readers.read(mail.id, mail.octets)
        if isinstance(reading, ReadingFailed):
            return {"outcome": Outcome.QUARANTINED, "reason": reading.reason}
        received = _received(mail)
        with self._store.reading() as records:
            group = GroupOnRecord(records, [(received, reading)], now, with_audience=False)
            for added in self._added:
                group.add(added)
            filing = Filer(received, group.of(received, reading), self._rules, now).file(reading)
            if filing.new_accounts or filing.new_links or filing.decisions:
                self._added.append(replace(filing, message=None, invoices=(), events=(), bounce=None))
            return self._foretold(records, replace(received, message=reading.message), filing)

    def _foretold(self, records: Transaction, mail: ReceivedMail, filing: Filing) -> dict[str, Any]:
        accounts = records.accounts.by_ids({invoice.account_id for invoice in filing.invoices})
        accounts |= {one.id: one for added in self._added for one in added.new_accounts}
        invoices = [
            forms.invoice_form(
                invoice, accounts[invoice.account_id], mail, [], filing.second_looks.get(invoice.id)
            )
            | {"id": None, "mail_id": None, "duplicate_of": _alike(records, invoice)}
            for invoice in filing.invoices
        ]
        return {
            "message_id": mail.message.message_id if mail.message else None,
            "outcome": filing.outcome,
            "reason": filing.reason,
            "account": invoices[0]["account"] if invoices else None,
            "matched_by": invoices[0]["matched_by"] if invoices else None,
            "invoices": invoices,
            "registration_links": [
                {"url": None, "email": link.email, "expires_at": forms.instant(link.expires_at)}
                for link in filing.new_links
            ],
        }


def _received(mail: IncomingMail) -> ReceivedMail:
    return ReceivedMail(
        id=mail.id,
        received_at=mail.envelope.received_at,
        state=MailState.CLAIMED,
        outcome=None,
        reason=None,
        envelope=mail.envelope,
        size=mail.content.size,
        failures=0,
        message_id=None,
        message=None,
        expires_at=None,
        deleted_at=None,
    )


def _alike(records: Transaction, invoice: Invoice) -> str | None:
    """The invoice on record that it would be a duplicate of."""
    return records.invoices.first_alike([invoice]).get(invoice.id)
