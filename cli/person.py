"""`invoices person`: how somebody signs in to the portal, and the way back for who lost the second factor."""

from __future__ import annotations

from typing import Any

import click

from cli import forms
from cli.front import Front, Group, actor, pass_front, utc_now
from storage.decisions import people as decisions
from storage.errors import NotFound
from storage.records.people import User
from storage.transaction import Transaction


@click.group(cls=Group)
def person() -> None:
    """People who sign in to the portal: second factor, sessions."""


@person.command()
@click.argument("email")
@pass_front
def show(front: Front, email: str) -> None:
    """How EMAIL signs in, and what is on record about it."""
    with front.store.reading() as records:
        form = _form(records, _user(records, email))
    front.show_one(form)


@person.command("drop-factor")
@click.argument("email")
@pass_front
def drop_factor(front: Front, email: str) -> None:
    """Let EMAIL sign in with the password alone again: app, passkeys and recovery codes are forgotten.

    Make sure first who asks for it, by another way than e-mail. Every browser of the person is signed out; it is on
    record as an act, and the person is told by mail where outbound.smarthost is set.
    """
    with front.store.transaction() as records:
        user = _user(records, email)
        decisions.drop_factors(
            records, user, actor=actor(), at=utc_now(), by_mail=bool(front.settings.outbound.smarthost)
        )
        form = _form(records, user)
    front.say(f"{user.email} signs in with the password alone now.", form)


@person.command("sign-out")
@click.argument("email")
@pass_front
def sign_out(front: Front, email: str) -> None:
    """Sign EMAIL out in every browser."""
    with front.store.transaction() as records:
        user = _user(records, email)
        ended = decisions.sign_out(records, user, actor=actor(), at=utc_now())
    front.say(f"{user.email} is signed out; {ended} sessions ended.", {"email": user.email, "ended": ended})


def _user(records: Transaction, email: str) -> User:
    user = records.users.by_email(email)
    if user is None:
        raise NotFound(f"there is nobody with the address {email}")
    return user


def _form(records: Transaction, user: User) -> dict[str, Any]:
    factors = records.factors.of_user(user.id)
    app = factors.authenticator
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "authenticator_set_at": forms.instant(app.set_at) if app else None,
        "passkeys": [one.name for one in factors.passkeys],
        "recovery_codes_left": factors.recovery_codes,
        "sessions": len(records.sessions.of_user(user.id, utc_now())),
        "acts": [
            {"at": forms.instant(one.at), "act": str(one.name), "actor": one.actor}
            for one in records.acts.of(user.id)
        ],
    }
