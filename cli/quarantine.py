"""`invoices quarantine`: mails that could not be filed."""

from __future__ import annotations

import click

from cli import forms
from cli.front import Front, Group, actor, pass_front, utc_now
from cli.local_worker import LocalWorker
from storage.decisions import quarantine as decisions
from storage.errors import NotFound
from storage.records.mails import MailState

COLUMNS = {"received_at": "Received", "reverse_path": "From", "reason": "Reason", "mail_id": "Id"}


@click.group(cls=Group)
def quarantine() -> None:
    """Mails that could not be filed, each with its reason; nothing of them is lost."""


@quarantine.command("list")
@pass_front
def list_(front: Front) -> None:
    """Mails in quarantine, newest first."""
    with front.store.reading() as records:
        rows = forms.mail_forms(records, records.mails.in_quarantine())
    front.show(rows, COLUMNS, nothing="The quarantine is empty.")


@quarantine.command()
@click.argument("mail_id", metavar="ID")
@pass_front
def show(front: Front, mail_id: str) -> None:
    """One mail in quarantine, whole."""
    with front.store.reading() as records:
        mail = records.mails.get(mail_id)
        if mail.state is not MailState.QUARANTINED:
            raise NotFound(f"mail {mail_id} is not in quarantine, it is {mail.state}")
        form = forms.full_mail_form(records, mail)
    front.show_one(form)


@quarantine.command()
@click.argument("mail_id", metavar="ID")
@click.option(
    "--account", "account_", metavar="ACCOUNT", help="Whose it is: an account's id, name or address."
)
@click.option(
    "--remember",
    is_flag=True,
    help="Also file later invoices of the same seller to the same recipient under this account.",
)
@pass_front
def retry(front: Front, mail_id: str, account_: str | None, remember: bool) -> None:
    """Read and file a mail again, with today's program and accounts, or under the account that you name."""
    if remember and account_ is None:
        raise click.UsageError("--remember needs --account")
    with front.store.transaction() as records:
        if account_ is None:
            decisions.retry(records, mail_id, actor=actor(), at=utc_now())
        else:
            account_id = records.accounts.find(account_).id
            decisions.assign(records, mail_id, account_id, remember=remember, actor=actor(), at=utc_now())
    with LocalWorker(front.settings, front.store) as worker:
        worker.wait_for([mail_id])
    _say_outcome(front, mail_id)


@quarantine.command()
@click.argument("mail_id", metavar="ID")
@click.option("--reason", default="discarded by the operator", show_default=True, help="Why, for the record.")
@pass_front
def discard(front: Front, mail_id: str, reason: str) -> None:
    """Give a mail up; it is listed as no-invoice and kept until it expires."""
    with front.store.transaction() as records:
        decisions.discard(records, mail_id, reason=reason, actor=actor(), at=utc_now())
    _say_outcome(front, mail_id)


def _say_outcome(front: Front, mail_id: str) -> None:
    with front.store.reading() as records:
        [form] = forms.mail_forms(records, [records.mails.get(mail_id)])
    reason = f": {form['reason']}" if form["reason"] else ""
    front.say(f"{form['outcome']}{reason}", form)
