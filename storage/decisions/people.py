"""The way back for people who lost what they prove themselves by; decided by operators."""

from __future__ import annotations

from datetime import datetime

from storage.errors import Conflict
from storage.people.factor_mails import factor_mail
from storage.records.acts import ActName
from storage.records.people import User
from storage.transaction import Transaction


def drop_factors(records: Transaction, user: User, *, actor: str, at: datetime, by_mail: bool) -> None:
    """Lets a person sign in with the password alone, and ends every session. Raises Conflict where nothing is set."""
    if not records.factors.of_user(user.id).asked:
        raise Conflict(f"{user.email} signs in with the password alone already")
    records.factors.remove_all(user.id)
    records.sessions.end_all(user.id)
    records.acts.add(ActName.FACTORS_REMOVED, user.id, actor=actor, at=at, detail={"email": user.email})
    if by_mail:
        records.outbox.add([factor_mail(user, ActName.FACTORS_REMOVED, at)])


def sign_out(records: Transaction, user: User, *, actor: str, at: datetime) -> int:
    """Ends every session of a person; how many."""
    ended = records.sessions.end_all(user.id)
    records.acts.add(ActName.SIGNED_OUT, user.id, actor=actor, at=at, detail={"email": user.email})
    return ended
