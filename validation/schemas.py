"""Holds an invoice against the XML schema of its syntax."""

from __future__ import annotations

import re
from functools import cache

from lxml import etree

from storage.records.reading import DocumentFormat
from storage.records.validation import Severity, ValidationFinding
from validation.rule_sets import schema_folder

RULE = "XSD"
_MOST_FINDINGS = 10  # the first error drags others behind it
_SCHEMAS = {
    DocumentFormat.UBL_INVOICE: "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    DocumentFormat.UBL_CREDITNOTE: "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
    # The whole of CII D22B, of which each profile is a part: what a profile leaves out is a matter of its rules.
    DocumentFormat.CII: "cii-extended-ctc-fr/CrossIndustryInvoice_100pD22B.xsd",
    DocumentFormat.ZUGFERD1: "zugferd/ZUGFeRD1p0.xsd",
}
_NAMESPACE = re.compile(r"\{[^}]*\}")


def schema_findings(invoice: etree._Element, syntax: DocumentFormat) -> tuple[ValidationFinding, ...]:
    """What the schema finds wrong; nothing where there is no schema for the syntax."""
    name = _SCHEMAS.get(syntax)
    if name is None:
        return ()
    schema = _schema(name)
    if schema.validate(invoice):
        return ()
    return tuple(_finding(error) for error in list(schema.error_log)[:_MOST_FINDINGS])


@cache
def _schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(schema_folder() / name))


def _finding(error: etree._LogEntry) -> ValidationFinding:
    said = " ".join(_NAMESPACE.sub("", error.message).split())[:400]
    return ValidationFinding(
        rule=RULE,
        severity=Severity.ERROR,
        text=f"The XML does not have the form that its schema asks for: {said}",
        text_de=f"Das XML hat nicht die Form, die sein Schema verlangt: {said}",
        location=error.path or None,
        line=error.line or None,
    )
