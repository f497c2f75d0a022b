"""`invoices outbound`: the mails that we send, and those that are held."""

from __future__ import annotations

import click

from cli import forms
from cli.front import Front, Group, actor, pass_front, utc_now
from storage.decisions import outgoing as decisions
from storage.records.outgoing import OutboundMail, OutboundState
from storage.transaction import Transaction

COLUMNS = {
    "created_at": "Made",
    "state": "State",
    "template": "Template",
    "recipient": "Recipient",
    "attempts": "Attempts",
    "last_reply": "Last reply",
    "id": "Id",
}


@click.group(cls=Group)
def outbound() -> None:
    """Mails that we send: what waits, what was sent, what came back."""


@outbound.command("list")
@click.option(
    "--state", type=click.Choice([str(one) for one in OutboundState]), help="Only those in this state."
)
@pass_front
def list_(front: Front, state: str | None) -> None:
    """The newest thousand mails, newest first."""
    with front.store.reading() as records:
        mails = records.outbox.select(OutboundState(state) if state else None)
    rows = [forms.outbound_form(mail) for mail in mails]
    front.show(rows, COLUMNS, nothing="There is no such mail.")


@outbound.command()
@click.argument("mail_id", metavar="ID")
@pass_front
def show(front: Front, mail_id: str) -> None:
    """One mail with everything that became of it."""
    with front.store.reading() as records:
        form = forms.outbound_form(records.outbox.get(mail_id))
    front.show_one(form)


@outbound.command()
@click.argument("mail_id", metavar="ID")
@pass_front
def retry(front: Front, mail_id: str) -> None:
    """Try a failed mail again."""
    with front.store.transaction() as records:
        decisions.retry(records, mail_id, actor=actor(), at=utc_now())
        form = forms.outbound_form(records.outbox.get(mail_id))
    front.say(f"The mail to {form['recipient']} is tried again.", form)


@outbound.command()
@click.option("--account", "account_", metavar="ACCOUNT", help="A company account: its id, name or address.")
@click.option(
    "--partner", "partner_", metavar="PARTNER", help="A contracting partner: its id, name or domain."
)
@click.option("--off", is_flag=True, help="End the hold; mails that are held wait for `release`.")
@pass_front
def hold(front: Front, account_: str | None, partner_: str | None, off: bool) -> None:
    """Hold the mails about an account's or a partner's invoices, while it is being connected.

    What would be sent can be looked at with `invoices outbound list --state held`.
    """
    if (account_ is None) == (partner_ is None):
        raise click.UsageError("name either --account or --partner")
    with front.store.transaction() as records:
        subject = records.accounts.find(account_) if account_ else records.partners.find(partner_ or "")
        decide = decisions.end_hold if off else decisions.hold
        decide(records, subject.id, subject.name, actor=actor(), at=utc_now())
    done = "are sent again" if off else "are held from now on"
    front.say(f'Mails about invoices of "{subject.name}" {done}.', {"id": subject.id, "held": not off})


@outbound.command()
@click.argument("mail_ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that are held.")
@pass_front
def release(front: Front, mail_ids: tuple[str, ...], everything: bool) -> None:
    """Send mails that are held."""
    if bool(mail_ids) == everything:
        raise click.UsageError("name the mails, or --all")
    with front.store.transaction() as records:
        wanted = [mail.id for mail in _held(records)] if everything else list(mail_ids)
        released = decisions.release(records, wanted, actor=actor(), at=utc_now())
    front.say(f"{released} mails are on their way.", {"released": released})


def _held(records: Transaction) -> list[OutboundMail]:
    return records.outbox.select(OutboundState.HELD, limit=1_000_000)
