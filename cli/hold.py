"""`invoices hold`: what is kept beyond its time, and why."""

from __future__ import annotations

from typing import Any

import click

from cli.forms import instant
from cli.front import Front, Group, actor, pass_front, utc_now
from ingest.filing_settings import retention_periods
from storage.errors import NotFound
from storage.expiring.retention_records import HoldKind, LedgerEntry, LedgerEvent, LegalHold
from storage.ids import new_id
from storage.records.history import HistoryEvent, HistoryEventName
from storage.transaction import Transaction

COLUMNS = {"set_at": "Since", "kind": "Of", "subject_id": "Id", "reason": "Reason", "set_by": "Set by"}
ENDED_COLUMNS = COLUMNS | {"released_at": "Released", "release_reason": "Why"}


@click.group(cls=Group)
def hold() -> None:
    """Keeps an invoice, a mail or all invoices of an account beyond their time, with the reason on record."""


@hold.command("set")
@click.argument("subject", metavar="ID")
@click.option(
    "--account", is_flag=True, help="ID is an account's id, name or address: hold all its invoices."
)
@click.option("--reason", required=True, help="Why; it stays on record.")
@pass_front
def set_(front: Front, subject: str, account: bool, reason: str) -> None:
    """Keep an invoice, a mail with its invoices, or with --account all invoices of a company."""
    if not reason.strip():
        raise click.UsageError("--reason must say why")
    with front.store.transaction() as records:
        kind, subject_id = _subject(records, subject, account=account)
        made = LegalHold(
            id=new_id(), kind=kind, subject_id=subject_id, reason=reason, set_by=actor(), set_at=utc_now()
        )
        records.holds.set(made)
        _put_on_record(front, records, made, LedgerEvent.HOLD_SET, reason)
    front.say(f"The {kind} {subject_id} is held: {reason}", _form(made))


@hold.command()
@click.argument("subject", metavar="ID")
@click.option("--account", is_flag=True, help="ID is an account's id, name or address.")
@click.option("--reason", required=True, help="Why it may go now; it stays on record.")
@pass_front
def release(front: Front, subject: str, account: bool, reason: str) -> None:
    """End a hold; what was held is deleted by the next run if its time has come."""
    with front.store.transaction() as records:
        subject_id = records.accounts.find(subject).id if account else subject
        ended = records.holds.release(subject_id, by=actor(), at=utc_now(), reason=reason)
        _put_on_record(front, records, ended, LedgerEvent.HOLD_RELEASED, reason)
    front.say(
        f"The {ended.kind} {subject_id} is held no more: {reason}",
        _form(ended) | {"released_at": instant(utc_now()), "release_reason": reason, "released_by": actor()},
    )


@hold.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that have been released.")
@pass_front
def list_(front: Front, everything: bool) -> None:
    """What is held now, oldest first."""
    with front.store.reading() as records:
        holds = records.holds.all() if everything else records.holds.live()
    front.show(
        map(_form, holds),
        ENDED_COLUMNS if everything else COLUMNS,
        nothing="Nothing is held beyond its time.",
    )


def _subject(records: Transaction, text: str, *, account: bool) -> tuple[HoldKind, str]:
    if account:
        return HoldKind.ACCOUNT, records.accounts.find(text).id
    try:
        return HoldKind.INVOICE, records.invoices.get(text).id
    except NotFound:
        pass
    try:
        return HoldKind.MAIL, records.mails.get(text).id
    except NotFound:
        raise NotFound(f"there is no invoice and no mail {text}") from None


def _put_on_record(
    front: Front, records: Transaction, held: LegalHold, event: LedgerEvent, reason: str
) -> None:
    now = utc_now()
    names = {
        LedgerEvent.HOLD_SET: HistoryEventName.HELD,
        LedgerEvent.HOLD_RELEASED: HistoryEventName.HOLD_RELEASED,
    }
    if held.kind is not HoldKind.ACCOUNT:
        invoice = records.invoices.get(held.subject_id) if held.kind is HoldKind.INVOICE else None
        told = HistoryEvent(
            at=now,
            event=names[event],
            actor=actor(),
            detail={"reason": reason},
            mail_id=invoice.mail_id if invoice else held.subject_id,
            invoice_id=invoice.id if invoice else None,
        )
        records.history.add([told])
    entry = LedgerEntry(
        at=now,
        event=event,
        subject_id=held.subject_id,
        rule=f"{held.kind}, by {actor()}: {reason}",
        content_digest=None,
        keep_until=retention_periods(front.settings).tombstone_until(now),
    )
    records.ledger.append([entry])


def _form(one: LegalHold) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "subject_id": one.subject_id,
        "reason": one.reason,
        "set_by": one.set_by,
        "set_at": instant(one.set_at),
        "release_reason": one.release_reason,
        "released_by": one.released_by,
        "released_at": instant(one.released_at),
    }
