"""What happened; the names are the vocabulary of the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HistoryEventName(StrEnum):
    """Every event that a history can hold; docs/history.md tells what each means."""

    RECEIVED = "received"
    RECEIVED_AGAIN = "received-again"
    READ = "read"
    MATCHED = "matched"
    RECORDED = "recorded"
    ACCOUNT_INVITED = "account-invited"
    LINK_CREATED = "link-created"
    VALIDATED = "validated"
    NO_INVOICE = "no-invoice"
    READING_FAILED = "reading-failed"
    QUARANTINED = "quarantined"
    RETRIED = "retried"
    DISCARDED = "discarded"
    ASSIGNED = "assigned"
    REMEMBERED = "remembered"
    SECOND_LOOK = "second-look"
    APPROVED = "approved"
    RELEASED = "released"
    REJECTED = "rejected"
    REOPENED = "reopened"
    VIEWED = "viewed"
    DOWNLOADED = "downloaded"
    EXPORTED = "exported"
    IMPORTED = "imported"
    EXPIRED = "expired"
    DELETED = "deleted"
    MAIL_DELETED = "mail-deleted"
    HELD = "held"
    HOLD_RELEASED = "hold-released"
    RESCHEDULED = "rescheduled"
    NOTIFIED = "notified"
    NOTICE_HELD = "notice-held"
    NOTICE_WITHHELD = "notice-withheld"
    NOTICE_FAILED = "notice-failed"
    NOTICE_BOUNCED = "notice-bounced"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """What happened, when, by whom; never edited."""

    at: datetime
    event: HistoryEventName
    actor: str
    detail: dict[str, str]
    mail_id: str | None
    invoice_id: str | None
