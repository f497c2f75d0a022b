"""What the history of invoices says about a mail of ours that tells of them."""

from __future__ import annotations

from datetime import datetime

from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.outgoing import OutboundMail

_LONGEST = 300  # characters of a reply


def notice_events(
    name: HistoryEventName, mail: OutboundMail, actor: str, at: datetime, reply: str | None = None
) -> list[HistoryEvent]:
    """An event for each invoice that the mail is about; none for a mail about something else."""
    detail = {"to": mail.recipient, "template": str(mail.template)}
    if reply:
        detail["reply"] = reply[:_LONGEST]
    return [
        HistoryEvent(
            at=at, event=name, actor=actor, detail=detail, mail_id=mail.mail_id, invoice_id=invoice_id
        )
        for invoice_id in filter(None, mail.context.get("invoices", "").split(","))
    ]
