"""`invoices operator`: the people who may use the operator's pages of the portal."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from cli import forms
from cli.front import Front, Group, actor, pass_front, utc_now
from portal import passwords
from storage.decisions import operators as decisions
from storage.errors import NotFound
from storage.ids import new_id
from storage.records.people import Language, User
from storage.transaction import Transaction

COLUMNS = {"email": "E-mail", "name": "Name", "since": "Since", "given_by": "Given by"}


@click.group(cls=Group)
def operator() -> None:
    """People who see the operator's pages at /operator: quarantine, queue, partners."""


@operator.command()
@click.argument("email")
@click.option("--name", default="", help="The person's name, for a new person.")
@click.option(
    "--language",
    type=click.Choice([str(one) for one in Language]),
    help="Of pages and mails, for a new person; else outbound.language.",
)
@click.option(
    "--password",
    "with_password",
    is_flag=True,
    help="Set a password: asked for on a terminal, else the first line of standard input.",
)
@pass_front
def add(front: Front, email: str, name: str, language: str | None, with_password: bool) -> None:
    """Give EMAIL the role. The person need not belong to any company.

    Somebody who is new, or has no password yet, sets one at {registration.base_url}/password, which sends a code by
    outbound.smarthost; without one, give --password.
    """
    settings, now = front.settings, utc_now()
    password_hash = _password_hash(email) if with_password else None
    with front.store.transaction() as records:
        new = User(
            id=new_id(),
            email=email,
            name=name,
            language=Language(language or settings.outbound.language),
            password_hash=password_hash,
            created_at=now,
            confirmed_at=now,
        )
        user = records.users.confirmed(new, now)
        if password_hash is not None:
            records.users.set_password_hash(user.id, password_hash)
            records.sessions.end_all(user.id)
        decisions.add(records, user, actor=actor(), at=now)
        can_sign_in = records.users.get(user.id).password_hash is not None
        form = _form(records, user)
    base = settings.registration.base_url
    where = f"{base}/operator" if can_sign_in else f"{base}/password, where a password is set first"
    front.say(f"{user.email} is an operator now: {where}.", form)


@operator.command()
@click.argument("email")
@pass_front
def remove(front: Front, email: str) -> None:
    """Take the role from EMAIL; it holds from the person's next click on."""
    with front.store.transaction() as records:
        user = records.users.by_email(email)
        if user is None:
            raise NotFound(f"there is nobody with the address {email}")
        decisions.remove(records, user, actor=actor(), at=utc_now())
    front.say(f"{user.email} is no operator any more.", {"email": user.email})


@operator.command("list")
@pass_front
def list_(front: Front) -> None:
    """All operators, oldest first."""
    with front.store.reading() as records:
        found = records.operators.all()
        users = records.users.by_ids(one.user_id for one in found)
    rows = [_row(users[one.user_id], one.since, one.given_by) for one in found]
    front.show(rows, COLUMNS, nothing="There is no operator yet. `invoices operator add EMAIL` makes one.")


@operator.command()
@pass_front
def acts(front: Front) -> None:
    """What operators and companies decided, newest first: the last two hundred acts."""
    with front.store.reading() as records:
        found = records.acts.newest()
    rows = [
        {
            "at": forms.instant(one.at),
            "actor": one.actor,
            "act": str(one.name),
            "subject": one.subject_id,
            "detail": dict(one.detail),
        }
        for one in found
    ]
    columns = {"at": "At", "actor": "By", "act": "Act", "detail": "Detail"}
    front.show(rows, columns, nothing="Nothing has been decided yet.")


def _password_hash(email: str) -> str:
    password = _entered()
    if passwords.fault(password, of=email):
        raise click.UsageError("the password needs at least 10 characters, and must not be easy to guess")
    return passwords.hashed(password)


def _entered() -> str:
    if sys.stdin.isatty():
        entered: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return entered
    return sys.stdin.readline().rstrip("\r\n")


def _form(records: Transaction, user: User) -> forms.Form:
    [own] = [one for one in records.operators.all() if one.user_id == user.id]
    return _row(records.users.get(user.id), own.since, own.given_by)


def _row(user: User, since: datetime, given_by: str) -> forms.Form:
    return {"email": user.email, "name": user.name, "since": forms.instant(since), "given_by": given_by}
