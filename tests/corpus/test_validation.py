"""The official rules over the corpus: the columns of its table, and the unit tests of the rules themselves."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from reading.structured import structured_documents
from tests.corpus.truth import INVOICES, Row, rows
from validation.profiles import SYNTAXES, held_against
from validation.rule_sets import InstalledRules, Standard, Syntax, choose, installed_rules
from validation.stylesheets import Stylesheets

pytestmark = pytest.mark.corpus

_COLUMNS = {"en16931_fatal": Standard.EN16931, "xrechnung_fatal": Standard.XRECHNUNG}
_TODAY = "2026-11-26"
_UNIT = INVOICES / "ConnectingEurope+eInvoicing-EN16931/test/Invoice-unit-UBL"
_TEST_SET = "{http://difi.no/xsd/vefa/validator/1.0}"


@cache
def _stylesheets() -> Stylesheets:
    return Stylesheets()


@cache
def _rules() -> tuple[InstalledRules, ...]:
    return installed_rules()


_JUDGED = [(row, column) for row in rows() for column in _COLUMNS if row[column] != "n/a"]


@pytest.mark.parametrize(
    ("row", "column"), _JUDGED, ids=lambda value: value if isinstance(value, str) else value["path"][-60:]
)
def test_exactly_the_rules_of_the_table_are_broken(row: Row, column: str) -> None:
    """Somebody else ran the official rules over these files; ours must say the same of each."""
    documents = structured_documents((INVOICES / row["path"]).read_bytes())
    [document] = [one for one in documents if one.format == row["format"]][:1]
    syntax = SYNTAXES[document.format]
    rules = choose(_rules(), _COLUMNS[column], syntax, _TODAY)
    assert rules is not None

    broken = _stylesheets().broken_rules(rules, document.element)

    fatal = " ".join(sorted({one.rule for one in broken if one.flag == "fatal"}))
    assert (fatal or "-") == row[column]
    assert _COLUMNS[column] in {one.standard for one in held_against(row["profile"], syntax)}


def test_every_row_where_they_apply_is_judged() -> None:
    """A test that leaves rows out would prove little."""
    judged = Counter(column for _, column in _JUDGED)

    assert judged == {"en16931_fatal": 244, "xrechnung_fatal": 75}


def _unit_files() -> list[Path]:
    return [
        path
        for path in sorted(_UNIT.glob("*.xml"))
        if etree.parse(path).getroot().tag == f"{_TEST_SET}testSet"
    ]


@pytest.mark.parametrize("built", ["2026-03-30", "2026-09-02"])
def test_every_expectation_of_the_unit_files_is_met(built: str) -> None:
    """CEN's own tests of its rules, in both versions that are installed side by side."""
    rules = choose(_rules(), Standard.EN16931, Syntax.UBL, built)
    assert rules is not None
    met: Counter[str] = Counter()
    failed: list[str] = []
    files = _unit_files()
    for path in files:
        for test in etree.parse(path).iter(f"{_TEST_SET}test"):
            [invoice] = [one for one in test if not str(one.tag).startswith(_TEST_SET)]
            broken = _stylesheets().broken_rules(rules, invoice)
            for expected in test.iterfind(f"{_TEST_SET}assert/*"):
                kind, rule = etree.QName(expected).localname, expected.text
                if kind == "description":
                    continue
                is_broken = any(one.rule == rule for one in broken)
                if is_broken == (kind != "success"):
                    met[kind] += 1
                else:
                    failed.append(f"{path.name}: {kind} {rule}")

    assert rules.rule_set.date == built
    assert failed == []
    assert len(files) == 206
    assert met == {"success": 452, "error": 464, "warning": 1}
