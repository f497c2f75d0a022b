"""`invoices release`: somebody has looked at an invoice that was held for its warnings."""

from __future__ import annotations

import click

from cli import forms
from cli.front import Command, Front, actor, pass_front, utc_now
from storage.decisions import second_looks as decisions


@click.command(cls=Command)
@click.argument("invoice_id", metavar="ID")
@pass_front
def release(front: Front, invoice_id: str) -> None:
    """Let an invoice go that was held for its warnings: you have looked at it."""
    with front.store.transaction() as records:
        invoice = decisions.release(records, invoice_id, actor=actor(), at=utc_now())
        [form] = forms.invoice_forms(records, [invoice])
    front.say(f"Invoice {invoice.invoice_number or invoice.id} is released.", form)
