"""What becomes of mails in quarantine."""

from __future__ import annotations

from datetime import datetime

from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Assignment
from storage.transaction import Transaction


def retry(records: Transaction, mail_id: str, *, actor: str, at: datetime) -> None:
    """Has a mail read and filed again, with today's program and accounts.

    Raises NotFound when it is not in quarantine.
    """
    records.mails.requeue(mail_id)
    records.history.add([_event(HistoryEventName.RETRIED, mail_id, actor, at)])


def assign(
    records: Transaction, mail_id: str, account_id: str, *, remember: bool, actor: str, at: datetime
) -> None:
    """Has a mail filed under an account, whatever the rules say; `remember`: those of its seller, too.

    Raises NotFound when it is not in quarantine.
    """
    decided = Assignment(account_id=account_id, actor=actor, remember=remember)
    records.mails.requeue(mail_id, decided)
    records.history.add(
        [
            _event(HistoryEventName.RETRIED, mail_id, actor, at),
            _event(HistoryEventName.ASSIGNED, mail_id, actor, at, {"account": account_id}),
        ]
    )


def discard(records: Transaction, mail_id: str, *, reason: str, actor: str, at: datetime) -> None:
    """Gives a mail up; it is kept until it expires. Raises NotFound when it is not in quarantine."""
    records.mails.discard(mail_id, reason=reason)
    records.history.add([_event(HistoryEventName.DISCARDED, mail_id, actor, at)])


def _event(
    name: HistoryEventName, mail_id: str, actor: str, at: datetime, detail: dict[str, str] | None = None
) -> HistoryEvent:
    return HistoryEvent(at=at, event=name, actor=actor, detail=detail or {}, mail_id=mail_id, invoice_id=None)
