"""Makes results of validation for tests, and stands in for the process that finds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from storage.records.reading import InvoiceReading
from storage.records.validation import (
    RuleSet,
    Severity,
    Validation,
    ValidationClass,
    ValidationFinding,
    ValidationStatus,
)
from validation.examiners import ExaminationFailed, Examiners

RULES = RuleSet(id="en16931-cii-1", name="EN 16931 (CII)", version="1", date="2026-01-01")


def finding(**changes: Any) -> ValidationFinding:
    """A broken rule."""
    values: dict[str, Any] = {
        "rule": "BR-02",
        "severity": Severity.ERROR,
        "text": "This is missing: Invoice number (BT-1).",
        "text_de": "Es fehlt: Rechnungsnummer (BT-1).",
        "terms": ("BT-1",),
        "location": "/CrossIndustryInvoice",
        "line": 2,
        "rule_set": RULES.id,
    }
    return ValidationFinding(**values | changes)


def validation(**changes: Any) -> Validation:
    """An invoice with one error."""
    values: dict[str, Any] = {
        "status": ValidationStatus.INVALID,
        "class_": ValidationClass.BUSINESS_RULE_ERROR,
        "findings": (finding(),),
        "rule_sets": (RULES,),
    }
    return Validation(**values | changes)


class Answers:
    """Gives prepared answers, and counts how often it was asked."""

    def __init__(self, answers: Sequence[Validation | ExaminationFailed]) -> None:
        self.left = list(answers)
        self.asked = 0

    def examine(
        self, mail: bytes, reading: InvoiceReading, day: str, given_up: Callable[[], bool]
    ) -> Validation | ExaminationFailed:
        """The next answer."""
        assert not given_up()
        assert mail
        assert reading
        assert day == "2026-11-24"
        self.asked += 1
        return self.left.pop(0)

    def close_unless_used(self, seconds: float) -> None:
        """Nothing to end."""

    def close(self) -> None:
        """Nothing to end."""


def answering(*answers: Validation | ExaminationFailed) -> Examiners:
    """Examiners that give these answers."""
    return cast("Examiners", Answers(answers))
