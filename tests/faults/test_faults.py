"""The runbook knows each fault that `python -m tests.faults` provokes, a run that takes minutes."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.provoked import AWAY, NEGLECTED

RUNBOOK = Path(__file__).parents[2] / "docs/runbook.md"


def test_every_fault_is_in_the_runbook() -> None:
    """By the name of its event; a refusal by its reply."""
    rows = [line for line in RUNBOOK.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    events = {event for row in rows for event in re.findall(r"`([a-z]+(?:-[a-z]+)*)`", row.split("|")[2])}

    assert {fault.event for fault in (*NEGLECTED, *AWAY)} <= events
