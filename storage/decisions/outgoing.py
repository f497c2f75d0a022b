"""Whether mails of ours wait, and when they go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from storage.errors import NotFound
from storage.records.acts import ActName
from storage.transaction import Transaction


def hold(records: Transaction, subject_id: str, name: str, *, actor: str, at: datetime) -> None:
    """Holds mails about the invoices of an account or a partner, while it is being connected."""
    if records.outbox.held_subjects([subject_id]):
        return
    records.outbox.hold(subject_id, at=at, by=actor)
    records.acts.add(ActName.MAILS_HELD, subject_id, actor=actor, at=at, detail={"name": name})


def end_hold(records: Transaction, subject_id: str, name: str, *, actor: str, at: datetime) -> None:
    """Sends mails about further invoices again; those held so far wait for `release`."""
    if not records.outbox.held_subjects([subject_id]):
        return
    records.outbox.end_hold(subject_id)
    records.acts.add(ActName.MAILS_RESUMED, subject_id, actor=actor, at=at, detail={"name": name})


def release(records: Transaction, mail_ids: Sequence[str], *, actor: str, at: datetime) -> int:
    """Lets held mails go, all of these or none; how many. Raises NotFound when one is not held."""
    released = records.outbox.release(mail_ids, at)
    if released < len(mail_ids):
        raise NotFound(f"{len(mail_ids) - released} of these mails are not held")
    for mail_id in mail_ids:
        records.acts.add(ActName.MAIL_RELEASED, mail_id, actor=actor, at=at)
    return released


def retry(records: Transaction, mail_id: str, *, actor: str, at: datetime) -> None:
    """Tries a failed mail again. Raises NotFound."""
    records.outbox.retry(mail_id, at)
    records.acts.add(ActName.MAIL_RETRIED, mail_id, actor=actor, at=at)
