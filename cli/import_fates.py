"""Decides which invoices of an export do not come: they are here, were here, or have had their time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from cli.export_record import ExportedInvoice
from storage.errors import NotFound
from storage.records.invoices import InvoiceState
from storage.records.mails import MailState, Outcome
from storage.transaction import Transaction


class Fate(StrEnum):
    """What becomes of an invoice of the file."""

    IMPORTED = "imported"
    ON_RECORD = "on-record"  # it is here already
    EXPIRED = "expired"  # its time has come
    DELETED = "deleted"  # it was here and is deleted
    REFUSED = "refused"


Settled = tuple[Fate, str | None]  # with the reason, in words


def settled(
    records: Transaction, account_id: str, invoices: Sequence[ExportedInvoice], now: datetime
) -> dict[str, Settled]:
    """Those that do not come, by id: they are here, were here, have had their time, or cannot be put beside."""
    found = {}
    for one in invoices:
        fate = _here(records, account_id, one) or _mail_here(records, account_id, one)
        if fate is None and one.expires_at <= now:
            fate = Fate.EXPIRED, f"its time came on {one.expires_at:%Y-%m-%d}"
        if fate is not None:
            found[one.id] = fate
    return found


def _here(records: Transaction, account_id: str, one: ExportedInvoice) -> Settled | None:
    try:
        here = records.invoices.get(one.id)
    except NotFound:
        return None
    if here.state is InvoiceState.DELETED:
        return Fate.DELETED, f"it was deleted here on {here.deleted_at:%Y-%m-%d}; that is for good"
    if here.account_id != account_id:
        return Fate.REFUSED, f"it is on record under another account, {here.account_id}"
    return Fate.ON_RECORD, None


def _mail_here(records: Transaction, account_id: str, one: ExportedInvoice) -> Settled | None:
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
        if invoice.account_id == account_id and invoice.position == one.position
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
