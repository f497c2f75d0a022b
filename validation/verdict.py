"""Decides from all findings what an invoice is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from storage.records.validation import (
    RuleSet,
    Severity,
    Validation,
    ValidationClass,
    ValidationFinding,
    ValidationStatus,
)

MOST_FINDINGS = 200  # of one invoice that are kept


def no_e_invoice(rule: str, text: str, text_de: str, findings: Sequence[ValidationFinding]) -> Validation:
    """An invoice that is none of EN 16931; what else was found are hints."""
    why = ValidationFinding(
        rule=rule, severity=Severity.INFORMATION, text=text, text_de=text_de, terms=("BT-24",)
    )
    return Validation(
        status=ValidationStatus.NOT_AN_E_INVOICE,
        class_=ValidationClass.NO_E_INVOICE,
        findings=_bounded([why, *findings]),
        rule_sets=(),
    )


def not_validated(reason: str, reason_de: str) -> Validation:
    """An invoice that could not be validated, for a reason that lies with us or with its size."""
    why = ValidationFinding(
        rule="not-validated", severity=Severity.INFORMATION, text=reason, text_de=reason_de
    )
    return Validation(
        status=ValidationStatus.NOT_VALIDATED,
        class_=ValidationClass.NOT_VALIDATED,
        findings=(why,),
        rule_sets=(),
    )


def verdict(
    *,
    form: Sequence[ValidationFinding],
    rules: Sequence[ValidationFinding],
    content: Sequence[ValidationFinding],
    rule_sets: Sequence[RuleSet],
) -> Validation:
    """The gravest of the three kinds of error gives the class: form, then business rules, then content."""
    kinds = (
        (ValidationClass.FORMAT_ERROR, form),
        (ValidationClass.BUSINESS_RULE_ERROR, rules),
        (ValidationClass.CONTENT_ERROR, content),
    )
    wrong = [kind for kind, found in kinds if any(one.severity is Severity.ERROR for one in found)]
    return Validation(
        status=ValidationStatus.INVALID if wrong else ValidationStatus.VALID,
        class_=wrong[0] if wrong else ValidationClass.VALID,
        findings=_bounded([*form, *rules, *content]),
        rule_sets=tuple(rule_sets),
    )


def as_hint(finding: ValidationFinding) -> ValidationFinding:
    """The same finding where it does not decide."""
    if finding.severity is not Severity.ERROR:
        return finding
    return replace(finding, severity=Severity.WARNING)


def _bounded(findings: Sequence[ValidationFinding]) -> tuple[ValidationFinding, ...]:
    """The gravest first, in the order of the document, and not without end."""
    order = list(Severity)
    ordered = sorted(dict.fromkeys(findings), key=lambda one: order.index(one.severity))
    if len(ordered) <= MOST_FINDINGS:
        return tuple(ordered)
    left = len(ordered) - MOST_FINDINGS
    more = ValidationFinding(
        rule="more",
        severity=Severity.INFORMATION,
        text=f"{left} more findings are left out here.",
        text_de=f"{left} weitere Befunde sind hier weggelassen.",
    )
    return (*ordered[:MOST_FINDINGS], more)
