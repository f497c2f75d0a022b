"""The words of retention as plain, frozen values: holds, and what the ledger of deletions says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storage.records.invoices import Environment


class HoldKind(StrEnum):
    """What a legal hold is on; one on a mail covers its invoices, one on an account every invoice of it."""

    INVOICE = "invoice"
    MAIL = "mail"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """An operator's word that something stays beyond its time."""

    id: str
    kind: HoldKind
    subject_id: str
    reason: str
    set_by: str
    set_at: datetime
    release_reason: str | None = None
    released_by: str | None = None
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The instants that one run goes by."""

    now: datetime
    links_ended_before: datetime
    without_tombstones: bool  # what goes leaves none that would outlast the run


class GoingKind(StrEnum):
    """What a run can take away, in the order in which it does."""

    INVOICE = "invoice"
    MAIL = "mail"
    INVOICE_TOMBSTONE = "invoice-tombstone"
    MAIL_TOMBSTONE = "mail-tombstone"
    LINK = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """Something that a run would take away."""

    kind: GoingKind
    id: str
    due_since: datetime
    account_id: str | None  # of an invoice
    environment: Environment | None  # of an invoice


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingOfCompany:
    """How many invoices of a company and an environment a run would take away."""

    account_id: str
    name: str
    environment: Environment
    number: int
    due_since: datetime  # of the one that should have gone first


class LedgerEvent(StrEnum):
    """Everything that the ledger can say; docs/retention.md tells what each means."""

    INVOICE_DELETED = "invoice-deleted"
    MAIL_DELETED = "mail-deleted"
    DRILL = "drill"
    RESCHEDULED = "rescheduled"
    HOLD_SET = "hold-set"
    HOLD_RELEASED = "hold-released"
    CLOCK_TRUSTED = "clock-trusted"
    FOLDED = "folded"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What retention did to one invoice or mail, or what somebody allowed it."""

    at: datetime
    event: LedgerEvent
    subject_id: str | None
    rule: str  # by which it was done, in words
    content_digest: bytes | None  # SHA-256 of what was deleted
    keep_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainedEntry:
    """An entry in its place in the ledger."""

    id: int  # 1, 2, 3 ... without gaps
    entry: LedgerEntry
    previous: bytes  # digest of the entry before
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOnRecord:
    """What is known of time without looking at a clock of ours."""

    database_now: datetime
    newest: datetime | None  # when the newest mail came in
    seen_at: datetime | None  # by the last run whose clock was right
    distrusted_at: datetime | None  # a newest record that an operator called wrong
