"""Company accounts: their identifiers, what is decided for them and how careful they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storage.records.reading import Identifier


class AccountStatus(StrEnum):
    """A registered company looks at its invoices; an invited one has a registration link."""

    REGISTERED = "registered"
    INVITED = "invited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Who proved that a key is an account's."""

    shown: str
    by: str | None  # "dns", "code", an operator; None: whoever made the account
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedDecision:
    """An assignment that holds for later mails, too: `key` in its normal form, and whose it is."""

    key: str
    account_id: str


class WarningPolicy(StrEnum):
    """What a warning about a sender does to an account's invoice, but for that of a first invoice."""

    NOTE = "note"  # it is shown
    HOLD = "hold"  # and the invoice is marked until somebody has looked
    QUARANTINE = "quarantine"  # and the company does not see it until then


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyAccount:
    """A recipient company."""

    id: str
    name: str
    status: AccountStatus
    addresses: tuple[str, ...]
    vat_ids: tuple[str, ...]
    domains: tuple[str, ...]
    identifiers: tuple[Identifier, ...]
    invited_at: datetime | None
    registered_at: datetime | None
    customer_numbers: tuple[str, ...] = ()  # PARTNER-ID:NUMBER
    warning_policy: WarningPolicy = WarningPolicy.NOTE
    decisions: tuple[str, ...] = ()  # of operators, remembered: RECIPIENT from SELLER


class SecondLook(StrEnum):
    """Where an invoice stands that somebody has to look at."""

    WAITING = "waiting"
    WITHHELD = "withheld"  # and is not seen by its company
    RELEASED = "released"
    REJECTED = "rejected"  # by a person of its company, who says that it must not be paid


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What the first of two people said of an invoice that waits: that it is right."""

    by: str  # a user's id
    at: datetime
