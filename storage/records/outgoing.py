"""The mails that we send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storage.records.people import Language


class OutboundState(StrEnum):
    """Where a mail that we send stands."""

    QUEUED = "queued"
    HELD = "held"  # waits for an operator: its partner or account is being connected
    SENT = "sent"
    FAILED = "failed"  # refused for good, or not taken for too long
    BOUNCED = "bounced"  # taken, and then returned by a server further on


class MailTemplate(StrEnum):
    """Every mail that we send."""

    INVOICE = "invoice"  # to members of a registered company
    INVOICE_ATTACHED = "invoice-attached"
    INVITED_INVOICE = "invited-invoice"  # to a company that is not registered yet: with its registration link
    INVITED_INVOICE_ATTACHED = "invited-invoice-attached"
    JOIN_REQUEST = "join-request"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    INVITATION = "invitation"
    CODE = "code"
    CLAIM = "claim"  # a company claims an address or a domain
    LINK = "link"  # a registration link, sent again by an operator
    EXPIRING = "expiring"  # to members of a company: some invoices will be deleted soon
    SECOND_FACTOR = "second-factor"  # to a person: something changed about how that person signs in
    WEBHOOK_DISABLED = "webhook-disabled"  # a company's program has not taken any call for too long
    KNOWN_ADDRESS = "known-address"  # somebody tried to register an address that is registered


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMail:
    """A mail that we send, written in the same transaction as its cause; `context` is what its template needs."""

    id: str
    template: MailTemplate
    language: Language
    recipient: str
    context: dict[str, str]
    created_at: datetime
    account_id: str | None = None
    invoice_id: str | None = None
    mail_id: str | None = None  # the received mail that caused it
    state: OutboundState = OutboundState.QUEUED
    attempts: int = 0
    not_before: datetime | None = None
    sent_at: datetime | None = None
    message_id: str | None = None  # RFC 5322 3.6.4; the same at each attempt
    last_reply: str | None = None  # of the smarthost, or why it could not be reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """A mail of ours came back."""

    message_id: str  # of ours
    reply: str  # why, in the words of whoever returned it
