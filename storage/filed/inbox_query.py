"""What is asked of an inbox, and what it answers: plain values."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from storage.records.companies import SecondLook
from storage.records.invoices import Environment, InvoiceState
from storage.records.validation import ValidationStatus

PAGE_SIZE = 50
MOST_COUNTED = 1000


class InboxOrder(StrEnum):
    """What an inbox is sorted by."""

    RECEIVED = "received"
    ISSUED = "issued"  # BT-2
    PARTNER = "partner"
    AMOUNT = "amount"
    NUMBER = "number"


class InboxState(StrEnum):
    """Which entries are shown."""

    UNREAD = "unread"  # by the person who asks
    OPEN = "open"  # neither done nor deleted
    DONE = "done"
    WARNINGS = "warnings"
    ERRORS = "errors"  # found by validation
    HELD = "held"  # waits for a second pair of eyes, or was found wrong by one
    EXPIRING = "expiring"  # deleted before `InboxQuery.expires_before`, if nobody holds them
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A place in a sorted inbox: the entries after it, or (`back`) those before it."""

    key: str | int
    invoice_id: str
    back: bool = False

    def written(self) -> str:
        """As it stands in a link."""
        text = json.dumps([self.key, self.invoice_id, int(self.back)], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, order: InboxOrder) -> Cursor | None:
        """The reverse of `written`; None for what is no place in an inbox of this order."""
        try:
            key, invoice_id, back = json.loads(base64.urlsafe_b64decode(text[:800] + "=" * (-len(text) % 4)))
        except (binascii.Error, ValueError, TypeError, RecursionError):
            return None
        if order is InboxOrder.AMOUNT:
            sound = type(key) is int and -(2**63) <= key < 2**63
        else:
            sound = isinstance(key, str) and "\0" not in key
        if order is InboxOrder.RECEIVED and sound:
            sound = _instant(key) is not None
        if not sound or not isinstance(invoice_id, str) or "\0" in invoice_id:
            return None
        return cls(key=key, invoice_id=invoice_id, back=bool(back))

    @property
    def received_at(self) -> datetime:
        """The key of an inbox sorted by receipt. Raises ValueError."""
        instant = _instant(self.key)
        if instant is None:
            raise ValueError("this place is not in an inbox sorted by receipt")
        return instant


def _instant(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxQuery:
    """What to show of an inbox."""

    state: InboxState | None = None
    environment: Environment | None = None
    partner: str | None = None  # the seller's whole name, without case
    text: str = ""
    received_from: datetime | None = None
    received_before: datetime | None = None
    expires_before: datetime | None = None  # of the state "expiring"
    amount_from: int | None = None  # hundredths
    amount_to: int | None = None
    acknowledged: bool | None = None  # by a program of the company
    validation: ValidationStatus | None = None  # what it came to; not those that wait for it
    order: InboxOrder = InboxOrder.RECEIVED
    descending: bool = True
    at: Cursor | None = None
    size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """One invoice as its company's inbox shows it."""

    invoice_id: str
    received_at: datetime
    expires_at: datetime
    state: InvoiceState
    environment: Environment
    invoice_number: str | None
    issue_date: str | None
    seller_name: str | None
    sender: str | None  # of the mail (its From field, else the reverse-path), where the seller is unknown
    total: str | None  # BT-112, else BT-115
    currency: str | None
    warnings: int
    second_look: SecondLook | None  # whether somebody has to look first
    validation: ValidationStatus | None
    done_at: datetime | None
    acknowledged_at: datetime | None  # by a program of the company
    read: bool  # by the person who asks


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage:
    """Some entries of an inbox, and where the ones before and after them begin."""

    entries: tuple[InboxEntry, ...]
    previous: Cursor | None
    next: Cursor | None
    count: int | None  # of all entries that the query means; None for more than MOST_COUNTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What people of a company did with an invoice."""

    done_at: datetime | None
    done_by: str | None
    note: str | None
    acknowledged_at: datetime | None
