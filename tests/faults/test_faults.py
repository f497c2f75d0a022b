"""The runbook knows each fault that `python -m tests.faults` provokes, a run that takes minutes."""

from __future__ import annotations

import re
from pathlib import Path

from config.next_steps import next_steps
from tests.faults.provoked import AWAY, NEGLECTED

RUNBOOK = Path(__file__).parents[2] / "docs/runbook.md"
ALERTS = Path(__file__).parents[2] / "deploy/alerts.yml"


def _column(number: int, pattern: str) -> set[str]:
    """What stands in backticks there, in any row."""
    rows = [line for line in RUNBOOK.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return {word for row in rows for word in re.findall(rf"`({pattern})`", row.split("|")[number])}


def test_every_fault_is_in_the_runbook() -> None:
    """By the name of its event; a refusal by its reply."""
    events = _column(2, "[a-z]+(?:-[a-z]+)*")

    assert {fault.event for fault in (*NEGLECTED, *AWAY)} <= events


def test_every_trouble_of_the_log_has_a_symptom_in_the_runbook() -> None:
    """Whoever has the line looks for what else it shows in; and every alarm leads to a row."""
    alarms = set(re.findall(r"invoices_\w+", ALERTS.read_text(encoding="utf-8")))

    assert set(next_steps()["events"]) - _column(2, "[a-z]+(?:-[a-z]+)*") == set()
    assert alarms - _column(3, r"\w+") - {"invoices_invoices_validated_total"} == set()
