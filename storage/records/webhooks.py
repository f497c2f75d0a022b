"""The addresses at which programs of a company are told what happens to its invoices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WebhookEvent(StrEnum):
    """Everything that a program can be told."""

    RECEIVED = "invoice.received"  # it is on record, and its company sees it
    VALIDATED = "invoice.validated"  # there is a result, or another one
    EXPIRING = "invoice.expiring"  # it will be deleted in retention.warn_days
    DELETED = "invoice.deleted"  # its time had come
    TEST = "webhook.test"  # somebody wants to see whether it works


CHOOSABLE = (WebhookEvent.RECEIVED, WebhookEvent.VALIDATED, WebhookEvent.EXPIRING, WebhookEvent.DELETED)


class DeliveryState(StrEnum):
    """Where a call stands."""

    WAITING = "waiting"  # for its first try, or for another
    DELIVERED = "delivered"
    FAILED = "failed"  # given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address of a company's program, and how calling it has gone lately."""

    id: str
    account_id: str
    url: str
    events: tuple[WebhookEvent, ...]
    secret_id: str  # what the secret is made of, together with a key outside the database
    secret_digest: bytes  # SHA-256 of the secret, to see whether it was this key
    created_at: datetime
    created_by: str  # a user's id, or what `ApiToken.maker` says
    former_secret_id: str | None = None  # calls are signed with that one, too
    former_until: datetime | None = None
    disabled_at: datetime | None = None  # None: it is called
    disabled_reason: str | None = None  # None: a person did it
    failures: int = 0  # in a row
    failing_since: datetime | None = None
    paused_until: datetime | None = None  # after a failure
    delivered_at: datetime | None = None  # the last time

    @property
    def enabled(self) -> bool:
        """Whether it is called."""
        return self.disabled_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """One call, written in the transaction of its cause; what it says is made when it is sent."""

    id: str  # the same at each attempt
    webhook_id: str
    account_id: str
    event: WebhookEvent
    invoice_id: str | None
    state: DeliveryState
    created_at: datetime
    attempts: int = 0
    not_before: datetime | None = None
    tried_at: datetime | None = None  # the last time
    status: int | None = None  # of the last answer (RFC 9110 15); None: there was none
    reply: str | None = None  # what became of the last try, in words
