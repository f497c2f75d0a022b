"""`invoices mail`: every mail received."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from cli import forms
from cli.front import Front, Group, Instant, pass_front, utc_now
from cli.portions import ids_since, in_portions
from storage.records.mails import Outcome, ReceivedMail
from storage.transaction import Transaction

COLUMNS = {
    "received_at": "Received",
    "reverse_path": "From",
    "forward_paths": "To",
    "state": "State",
    "outcome": "Outcome",
    "reason": "Reason",
    "mail_id": "Id",
}


@click.group(cls=Group)
def mail() -> None:
    """Every mail received: what became of it, and what it held."""


@mail.command("list")
@click.option("--outcome", type=click.Choice([str(one) for one in Outcome]), help="Only mails that ended so.")
@click.option("--since", type=Instant(), help="Only mails received since then.")
@pass_front
def list_(front: Front, outcome: str | None, since: datetime | None) -> None:
    """Mails, newest first."""
    wanted: dict[str, Any] = {
        "outcome": Outcome(outcome) if outcome else None,
        "since": since,
        "ids_from": ids_since(since, utc_now()),
    }

    def portion(records: Transaction, behind: ReceivedMail | None, size: int) -> list[ReceivedMail]:
        return records.mails.select(**wanted, behind=behind, size=size)

    rows = in_portions(front.store, portion, forms.mail_forms)
    front.show(rows, COLUMNS, nothing="There is no such mail.")


@mail.command()
@click.argument("mail_id", metavar="ID")
@pass_front
def show(front: Front, mail_id: str) -> None:
    """One mail with its envelope and every leaf part, also those inside attached mails."""
    with front.store.reading() as records:
        form = forms.full_mail_form(records, records.mails.get(mail_id))
    front.show_one(form, leave_out=["parts"])
    if not front.json:
        columns = {
            "name": "Part",
            "role": "Role",
            "media_type": "Type",
            "size": "Octets",
            "sha256": "SHA-256",
        }
        front.show(form["parts"], columns, nothing="It has no parts.")
