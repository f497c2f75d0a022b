"""Examines one invoice of a mail: its form, the rules, its content, and its two views."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from lxml import etree

from reading.invoice_reading.pdf import opens_like_pdf, pages_of
from reading.mime import parse_mail
from reading.structured import structured
from reading.unpacking import unpack
from storage.records.reading import DocumentFormat, InvoiceReading
from storage.records.validation import RuleSet, Severity, Validation, ValidationFinding
from validation.content_checks import content_findings
from validation.profiles import SYNTAXES, held_against, is_before_en16931, is_part_only
from validation.rule_sets import InstalledRules, choose
from validation.schemas import RULE, schema_findings
from validation.stylesheets import BrokenRule, Stylesheets
from validation.verdict import as_hint, no_e_invoice, not_validated, verdict
from validation.views import view_findings
from validation.wording import sentences, terms_in

_SEVERITIES = {"fatal": Severity.ERROR, "error": Severity.ERROR, "warning": Severity.WARNING}
_XML_UNREADABLE = "embedded-xml-unreadable"  # the code of a reading's warning
_MOST_VIEWS = 3  # PDFs of one invoice that are held against it


class Examiner:
    """Holds invoices against the installed rules; keeps compiled stylesheets between them."""

    def __init__(self, rules: tuple[InstalledRules, ...]) -> None:
        self._rules = rules
        self._stylesheets = Stylesheets()

    def examine(self, mail: bytes, reading: InvoiceReading, received_on: str) -> Validation:
        """What the invoice is worth by the rules of the day (ISO 8601) on which it came in.

        `mail` is the content after DATA of the mail that `reading` was read from.
        """
        leaves = unpack(parse_mail(mail).leaves).leaves
        parts = {hashlib.sha256(leaf.content).hexdigest(): leaf.content for leaf in leaves}
        terms = reading.terms
        content = (*content_findings(terms), *_views(reading, parts))
        if not terms.structured:
            return _for_people_only(reading, content)
        found = structured(parts.get(reading.document.sha256, b""), terms.invoice_number, terms.format)
        form = schema_findings(found.element, found.format) if found else ()
        if (outside := _outside_en16931(reading)) is not None:
            return no_e_invoice(*outside, [as_hint(one) for one in (*form, *content)])
        if found is None:
            return not_validated(
                "Its XML was not found in the mail again.", "Ihr XML wurde in der Mail nicht wiedergefunden."
            )
        rules, rule_sets = self._hold_against_rules(found.element, terms.format, terms.profile, received_on)
        return verdict(form=form, rules=rules, content=content, rule_sets=rule_sets)

    def _hold_against_rules(
        self, invoice: etree._Element, syntax: DocumentFormat, profile: str | None, day: str
    ) -> tuple[list[ValidationFinding], list[RuleSet]]:
        findings: list[ValidationFinding] = []
        rule_sets: list[RuleSet] = []
        for one in held_against(profile, SYNTAXES[syntax]):
            rules = choose(self._rules, one.standard, SYNTAXES[syntax], day)
            if rules is None:
                continue
            rule_sets.append(rules.rule_set)
            broken = self._stylesheets.broken_rules(rules, invoice)
            told = [_finding(each, rules.rule_set) for each in broken]
            findings += told if one.decides else [as_hint(each) for each in told]
        return findings, rule_sets


def _finding(broken: BrokenRule, rule_set: RuleSet) -> ValidationFinding:
    english, german = sentences(broken.rule, broken.text)
    return ValidationFinding(
        rule=broken.rule,
        severity=_SEVERITIES.get(broken.flag, Severity.INFORMATION),
        text=english,
        text_de=german,
        terms=terms_in(broken.text),
        location=broken.location or None,
        line=broken.line,
        rule_set=rule_set.id,
    )


def _for_people_only(reading: InvoiceReading, content: tuple[ValidationFinding, ...]) -> Validation:
    hints = [as_hint(one) for one in content]
    broken = next((one.text for one in reading.warnings if one.code == _XML_UNREADABLE), None)
    if broken is not None:
        form = ValidationFinding(
            rule=RULE,
            severity=Severity.ERROR,
            text=f"It should be an e-invoice, but cannot be read as one: {broken}.",
            text_de=f"Sie sollte eine E-Rechnung sein, ist als solche aber nicht lesbar: {broken}.",
        )
        return verdict(form=[form], rules=[], content=hints, rule_sets=[])
    return no_e_invoice(
        "plain-pdf",
        "A PDF without an invoice for machines is no e-invoice.",
        "Ein PDF ohne maschinenlesbare Rechnung ist keine E-Rechnung.",
        hints,
    )


def _outside_en16931(reading: InvoiceReading) -> tuple[str, str, str] | None:
    """Rule and sentences, where a document for machines is none of EN 16931."""
    terms = reading.terms
    if is_part_only(terms.profile):
        return (
            "part-only",
            "Its profile (MINIMUM or BASIC WL) lacks the lines, so it is no e-invoice.",
            "Ihrem Profil (MINIMUM oder BASIC WL) fehlen die Positionen, sie ist daher keine E-Rechnung.",
        )
    if terms.format not in SYNTAXES or is_before_en16931(terms.profile):
        return (
            "not-en16931",
            f"Its format ({terms.format}) is none of EN 16931; only where both sides agreed on it is it an e-invoice.",
            f"Ihr Format ({terms.format}) ist keines der EN 16931; nur wenn vereinbart, ist sie eine E-Rechnung.",
        )
    return None


def _views(reading: InvoiceReading, parts: Mapping[str, bytes]) -> list[ValidationFinding]:
    """The PDFs of an invoice for machines, held against it."""
    if not reading.terms.structured:
        return []
    own = {part.sha256: parts.get(part.sha256, b"") for part in reading.attachments if _shows(part.role)}
    pdfs = [content for content in own.values() if opens_like_pdf(content)][:_MOST_VIEWS]
    found: list[ValidationFinding] = []
    for content in pdfs:
        pages = pages_of(content)
        if pages is not None:
            found += view_findings(reading.terms, pages)
    return found


def _shows(role: str) -> bool:
    return role in ("invoice", "representation")
