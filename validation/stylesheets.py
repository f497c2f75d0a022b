"""Runs compiled Schematron rules over an invoice with SaxonC; only in a process that can be killed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree
from saxonche import PySaxonProcessor

from validation.rule_sets import InstalledRules

_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_STEP = re.compile(
    r"/(?:\*:|Q\{(?P<uri>[^}]*)\})?(?:\w+:)?(?P<name>[\w.-]+)(?:\[namespace-uri\(\)='[^']*'\])?(?:\[(?P<at>\d+)\])?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRule:
    """A rule that does not hold, as the stylesheet says it."""

    rule: str
    flag: str  # "fatal", "warning", "information" ...
    text: str
    location: str  # "/Invoice/InvoiceLine[2]"
    line: int | None


class Stylesheets:
    """Compiled stylesheets, each compiled when it is first needed and kept."""

    def __init__(self) -> None:
        self._saxon = PySaxonProcessor(license=False)
        self._xslt = self._saxon.new_xslt30_processor()
        self._compiled: dict[str, object] = {}

    def broken_rules(self, rules: InstalledRules, invoice: etree._Element) -> tuple[BrokenRule, ...]:
        """What the rules find wrong with an invoice, in its order, each rule once at each place.

        Raises RuntimeError where the stylesheet cannot run.
        """
        document = self._saxon.parse_xml(
            xml_text=etree.tostring(invoice, encoding="unicode", with_tail=False)
        )
        told = self._compile(rules).transform_to_string(xdm_node=document)  # type: ignore[attr-defined]  # untyped
        if told is None:
            raise RuntimeError(f"{rules.rule_set.id} gave no report")
        report = etree.fromstring(told.encode())
        found = [
            _broken(entry, invoice)
            for entry in report.iter(f"{_SVRL}failed-assert", f"{_SVRL}successful-report")
        ]
        return tuple(dict.fromkeys(found))

    def _compile(self, rules: InstalledRules) -> object:
        if rules.rule_set.id not in self._compiled:
            file = str(rules.stylesheet)
            self._compiled[rules.rule_set.id] = self._xslt.compile_stylesheet(stylesheet_file=file)
        return self._compiled[rules.rule_set.id]


def _broken(entry: etree._Element, invoice: etree._Element) -> BrokenRule:
    said = entry.find(f"{_SVRL}text")
    text = " ".join("".join(said.itertext()).split()) if said is not None else ""
    rule = entry.get("id") or ""
    steps = _STEP.finditer(entry.get("location") or "")
    path = [(step["name"], int(step["at"] or 1)) for step in steps]
    element = _element_at(invoice, path)
    return BrokenRule(
        rule=rule or _bracketed(text),
        flag=entry.get("flag") or entry.get("role") or "fatal",
        text=_without_rule(text),
        location="".join(f"/{name}[{at}]" if at > 1 else f"/{name}" for name, at in path),
        line=element.sourceline if element is not None else None,
    )


def _element_at(invoice: etree._Element, path: list[tuple[str, int]]) -> etree._Element | None:
    """The element itself, or the last on the way to it."""
    element = invoice
    for name, at in path[1:]:
        alike = list(element.iterchildren(f"{{*}}{name}"))
        if len(alike) < at:
            return element
        element = alike[at - 1]
    return element


def _bracketed(text: str) -> str:
    found = re.match(r"\[([\w-]+)\]", text)
    return found[1] if found else "unnamed"


def _without_rule(text: str) -> str:
    return re.sub(r"^\[[\w-]+\]\s*-?\s*", "", text)
