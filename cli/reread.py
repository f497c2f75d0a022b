"""`invoices reread` and `invoices requeue`: what today's reader makes of mails on record, and filing them again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from cli import forms
from cli.front import Command, Front, Instant, actor, cell, pass_front, utc_now
from cli.local_worker import LocalWorker
from cli.rereading import Change, changes
from reading.sandbox import ReaderPool, ReadingFailed
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.mails import MailState, Outcome, ReceivedMail
from storage.records.reading import MailReading
from storage.store import Store

COLUMNS = {"outcome": "Outcome", "state": "State", "mail_id": "Id"}
ON_RECORD = {MailState.FILED, MailState.QUARANTINED}


@click.command(cls=Command)
@click.argument("mail_ids", nargs=-1, metavar="[ID]...")
@click.option("--outcome", type=click.Choice([*Outcome]), help="Only mails with this outcome.")
@click.option("--since", type=Instant(), help="Only mails received since then.")
@pass_front
def reread(front: Front, mail_ids: tuple[str, ...], outcome: str | None, since: datetime | None) -> None:
    """Read mails on record with today's reader and show what would be different; nothing is changed.

    Every mail, or those named. `requeue` files anew what is in quarantine; what is on record stays as it was read.
    """
    looked_at = differing = 0
    for mail, found in _read_again(front.store, _chosen(front.store, mail_ids, outcome, since)):
        looked_at += 1
        differing += bool(found)
        if found:
            _print(front, mail, found)
    if not front.json:
        front.console.print(
            f"{looked_at} mails read again, {differing} would be different. Nothing was changed."
        )


@click.command(cls=Command)
@click.argument("mail_ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "all_", is_flag=True, help="Everything that is in quarantine.")
@pass_front
def requeue(front: Front, mail_ids: tuple[str, ...], all_: bool) -> None:
    """File mails in quarantine again, with today's program and accounts: those named, or all after an update."""
    if bool(mail_ids) == all_:
        raise click.UsageError("name the mails, or give --all")
    now = utc_now()
    with front.store.transaction() as records:
        if all_:
            mail_ids = tuple(mail.id for mail in records.mails.in_quarantine())
        for mail_id in mail_ids:
            records.mails.requeue(mail_id)
        records.history.add([_retried(mail_id, now) for mail_id in mail_ids])
    with LocalWorker(front.settings, front.store) as worker:
        worker.wait_for(mail_ids)
    with front.store.reading() as records:
        mails = records.mails.by_ids(mail_ids)
        rows = forms.mail_forms(records, [mails[mail_id] for mail_id in mail_ids])
    front.show(rows, COLUMNS | {"reason": "Reason"}, nothing="The quarantine is empty.")


def _retried(mail_id: str, now: datetime) -> HistoryEvent:
    return HistoryEvent(
        at=now, event=HistoryEventName.RETRIED, actor=actor(), detail={}, mail_id=mail_id, invoice_id=None
    )


def _chosen(
    store: Store, mail_ids: tuple[str, ...], outcome: str | None, since: datetime | None
) -> list[ReceivedMail]:
    with store.reading() as records:
        if mail_ids:
            found = [records.mails.get(mail_id) for mail_id in mail_ids]
        else:
            found = records.mails.select(outcome=Outcome(outcome) if outcome else None, since=since)
    return [mail for mail in found if mail.state in ON_RECORD]


def _read_again(store: Store, mails: Iterable[ReceivedMail]) -> Iterator[tuple[ReceivedMail, list[Change]]]:
    """Several at once, each in a reader process; in the order in which they are done."""
    reading: dict[str, ReceivedMail] = {}
    with closing(ReaderPool(os.cpu_count() or 1)) as pool:
        for mail in mails:
            while not pool.free:
                yield from _done(store, pool, reading)
            with store.reading() as records:
                octets = records.mails.octets(mail.id)
            reading[mail.id] = mail
            failed = pool.start(mail.id, octets)
            if failed is not None:
                yield reading.pop(mail.id), [Change("reading", None, failed.reason)]
        while reading:
            yield from _done(store, pool, reading)


def _done(
    store: Store, pool: ReaderPool, reading: dict[str, ReceivedMail]
) -> Iterator[tuple[ReceivedMail, list[Change]]]:
    for mail_id, result in pool.finished(0.1):
        mail = reading.pop(mail_id)
        yield mail, _compared(store, mail, result)


def _compared(store: Store, mail: ReceivedMail, result: MailReading | ReadingFailed) -> list[Change]:
    if isinstance(result, ReadingFailed):
        return [Change("reading", None, result.reason)]
    with store.reading() as records:
        invoices = records.invoices.of_mails([mail.id])
    before = {invoice.position: invoice.reading for invoice in invoices if invoice.reading}
    return changes(mail.message, list(before.values()), result)


def _print(front: Front, mail: ReceivedMail, found: list[Change]) -> None:
    if front.json:
        form: dict[str, Any] = {"mail_id": mail.id, "outcome": mail.outcome, "state": mail.state}
        front.print_json(form | {"changes": [asdict(change) for change in found]})
        return
    front.console.print(f"[bold]{mail.id}[/bold]  {mail.outcome}", soft_wrap=True)
    for change in found:
        front.console.print(
            f"    {cell(change.what)}: {cell(change.before)} -> {cell(change.after)}", soft_wrap=True
        )
