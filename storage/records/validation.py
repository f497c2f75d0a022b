"""What an invoice is worth as an e-invoice, and what the rules found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ValidationStatus(StrEnum):
    """What an invoice is worth as an e-invoice."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_AN_E_INVOICE = "not-an-e-invoice"
    NOT_VALIDATED = "not-validated"  # it was tried and could not be done


class ValidationClass(StrEnum):
    """The classes of the German finance ministry's letter of 2025-10-15, in its words."""

    VALID = "valid"
    FORMAT_ERROR = "Formatfehler"
    BUSINESS_RULE_ERROR = "Geschäftsregelfehler"
    CONTENT_ERROR = "Inhaltsfehler"
    NO_E_INVOICE = "keine E-Rechnung"
    NOT_VALIDATED = "nicht geprüft"


class Severity(StrEnum):
    """How much a finding weighs: an error makes an invoice invalid."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """One version of the rules that an invoice was held against."""

    id: str
    name: str
    version: str
    date: str  # of this version, ISO 8601


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationFinding:
    """A rule that an invoice breaks, in one plain sentence of English and one of German."""

    rule: str
    severity: Severity
    text: str
    text_de: str
    terms: tuple[str, ...] = ()  # the EN 16931 numbers it is about, "BT-1", "BG-25"
    location: str | None = None  # a path of elements in the document
    line: int | None = None  # of the XML
    rule_set: str | None = None  # the id of its RuleSet; None for checks of our own


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What came of holding an invoice against the rules."""

    status: ValidationStatus
    class_: ValidationClass
    findings: tuple[ValidationFinding, ...]
    rule_sets: tuple[RuleSet, ...]
