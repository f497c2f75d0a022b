"""Contracting partners: who sends invoices, what they are known by, what was odd about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storage.records.invoices import Environment


class PartnerTrust(StrEnum):
    """What the operator thinks of a contracting partner."""

    NEW = "new"
    KNOWN = "known"
    BLOCKED = "blocked"


class PartnerOrigin(StrEnum):
    """Who put a partner on record."""

    OPERATOR = "operator"
    AUTOMATIC = "automatic"  # with the first invoice


class TraitKind(StrEnum):
    """What is noted of a partner that is no key: several partners may have the same."""

    BANK_ACCOUNT = "bank-account"
    SIGNING_DOMAIN = "signing-domain"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerTrait:
    """Something that came with a partner's invoices."""

    kind: TraitKind
    value: str
    accepted: bool  # the first of its kind, or an operator found it right
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderWarning:
    """What should make people look twice at an invoice: a stable code, a sentence, and what it rests on."""

    code: str
    text: str
    evidence: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractingPartner:
    """A company that sends invoices."""

    id: str
    name: str
    domains: tuple[str, ...]
    vat_ids: tuple[str, ...]
    trust: PartnerTrust
    environment: Environment  # test while the partner is being connected
    first_seen: datetime | None
    last_seen: datetime | None
    origin: PartnerOrigin = PartnerOrigin.OPERATOR
    invoices: int = 0  # that are known to be its own
