"""`invoices release`: somebody has looked at an invoice that was held for its warnings."""

from __future__ import annotations

import click

from cli import forms
from cli.front import Command, Front, actor, pass_front, utc_now
from storage.errors import NotFound
from storage.records.companies import SecondLook
from storage.records.history import HistoryEvent, HistoryEventName


@click.command(cls=Command)
@click.argument("invoice_id", metavar="ID")
@pass_front
def release(front: Front, invoice_id: str) -> None:
    """Let an invoice go that was held for its warnings: you have looked at it."""
    now = utc_now()
    with front.store.transaction() as records:
        invoice = records.invoices.get(invoice_id)
        look = records.second_looks.of([invoice_id]).get(invoice_id)
        if look not in (SecondLook.WAITING, SecondLook.WITHHELD):
            raise NotFound(f"the invoice {invoice_id} is not held for any warning")
        records.second_looks.put(invoice, SecondLook.RELEASED)
        records.second_looks.release_notices([invoice], now)
        event = HistoryEvent(
            at=now,
            event=HistoryEventName.RELEASED,
            actor=actor(),
            detail={},
            mail_id=invoice.mail_id,
            invoice_id=invoice.id,
        )
        records.history.add([event])
        [form] = forms.invoice_forms(records, [invoice])
    front.say(f"Invoice {invoice.invoice_number or invoice.id} is released.", form)
