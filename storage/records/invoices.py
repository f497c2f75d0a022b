"""An invoice of an account: whose it is and by which evidence, until when it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storage.records.reading import InvoiceReading
from storage.records.validation import Validation


class Environment(StrEnum):
    """Productive invoices count; test invoices are part of connecting a partner."""

    PRODUCTIVE = "productive"
    TEST = "test"


class InvoiceState(StrEnum):
    """An available invoice has its content; of a deleted one only the tombstone is left."""

    AVAILABLE = "available"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchEvidence:
    """A key of an account that a mail or its document names, too: why the invoice is this account's."""

    rule: str
    kind: str  # of the key
    value: str  # in its normal form
    where: str  # "forward-path", or the EN 16931 number of the term, "BT-48"
    account_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """An operator's decision whose the invoices of a mail are."""

    account_id: str
    actor: str
    remember: bool  # also for later invoices of the same seller to the same recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice of one account: what was read, whose it is, and until when it is kept."""

    id: str
    mail_id: str
    position: int  # among the invoices of its mail, from 0
    account_id: str
    matched_by: str | None
    environment: Environment
    environment_reason: str | None
    state: InvoiceState
    received_at: datetime
    expires_at: datetime
    invoice_number: str | None  # BT-1; stays in the tombstone, as does the date
    issue_date: str | None  # BT-2
    reading: InvoiceReading | None  # None once deleted
    same_invoice: bytes | None  # SHA-256 of seller, number and date; None when one is unknown
    duplicate_of: str | None
    deleted_at: datetime | None = None
    evidence: tuple[MatchEvidence, ...] = ()  # of `matched_by` first; empty once deleted
    validation: Validation | None = None  # None until it is validated, and once deleted
    validated_at: datetime | None = None
