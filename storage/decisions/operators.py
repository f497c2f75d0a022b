"""Who runs this mailbox: the role is given and taken by those who have it, and by commands."""

from __future__ import annotations

from datetime import datetime

from storage.errors import Conflict, NotFound
from storage.records.acts import ActName
from storage.records.people import User
from storage.transaction import Transaction


def add(records: Transaction, user: User, *, actor: str, at: datetime) -> None:
    """Makes a person an operator. Raises Conflict for one who is."""
    if not records.operators.add(user.id, at=at, by=actor):
        raise Conflict(f"{user.email} is an operator already")
    records.acts.add(ActName.OPERATOR_ADDED, user.id, actor=actor, at=at, detail={"email": user.email})


def remove(records: Transaction, user: User, *, actor: str, at: datetime) -> None:
    """Takes the role away; the person's pages are shut from the next click on. Raises NotFound."""
    if not records.operators.remove(user.id):
        raise NotFound(f"{user.email} is no operator")
    records.acts.add(ActName.OPERATOR_REMOVED, user.id, actor=actor, at=at, detail={"email": user.email})
