"""`invoices verify`: is everything on record whole, and everything deleted gone?"""

from __future__ import annotations

from dataclasses import asdict

import click

from cli.front import EXIT_FAILED, Command, Front, cell, pass_front, utc_now
from ingest.receiving.transfer_key import transfer_digest
from retention.verification import Found, Looked
from retention.verification import verify as findings
from storage.records.mails import ReceivedMail


@click.command(cls=Command)
@click.option(
    "--quick", is_flag=True, help="Do not read the octets of every mail; compare their number only."
)
@pass_front
def verify(front: Front, quick: bool) -> None:
    """Look for what must not be: deleted by halves, left over, overdue, damaged, a broken ledger, missing guards.

    Writes nothing, and may run beside a running mailbox. Exit status 1 if anything was found.
    """
    number = 0
    for one in findings(front.store, utc_now(), _digest_of, octets=not quick):
        if isinstance(one, Looked):
            _say(front, one, number)
            continue
        number += 1
        if front.json:
            front.print_json({"check": one.check, "subject": one.subject, "text": one.text})
        else:
            front.console.print(_line(one), soft_wrap=True)
    if number:
        click.get_current_context().exit(EXIT_FAILED)


def _digest_of(mail: ReceivedMail, octets: bytes) -> bytes:
    return transfer_digest(octets, mail.envelope)


def _line(one: Found) -> str:
    subject = f" {cell(one.subject)}" if one.subject else ""
    return f"[bold red]{one.check}[/bold red]{subject}: {cell(one.text)}"


def _say(front: Front, looked: Looked, number: int) -> None:
    found = (
        "Nothing is wrong."
        if not number
        else f"{number} things are wrong; docs/retention.md says what to do."
    )
    front.say(
        f"Looked at {looked.mails} mails, {looked.invoices} invoices, {looked.tombstones} tombstones and "
        f"{looked.ledger_entries} entries of the ledger. {found}",
        {"findings": number, "looked_at": asdict(looked)},
    )
