"""Each fault of the runbook shows in `invoices status`, in a metric, and in one line of the log with the next step."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.house import dependent, neglected
from tests.faults.judging import judge
from tests.faults.provoked import AWAY, NEGLECTED

RUNBOOK = Path(__file__).parents[2] / "docs/runbook.md"


def test_a_neglected_mailbox_shows_what_is_wrong_with_it(tmp_path: Path) -> None:
    """Whoever is woken looks at one of the three places, and nobody knows at which."""
    with neglected(tmp_path) as house:
        found = list(judge(house, NEGLECTED))

    assert [(shown.name, shown.missing) for shown in found if shown.missing] == []


def test_a_mailbox_without_its_database_shows_it(tmp_path: Path, postgres_url: str) -> None:
    """Also that its disk takes nothing."""
    with dependent(tmp_path, postgres_url) as house:
        found = list(judge(house, AWAY))

    assert [(shown.name, shown.missing) for shown in found if shown.missing] == []


def test_every_fault_is_in_the_runbook() -> None:
    """By the name of its event; a refusal by its reply."""
    rows = [line for line in RUNBOOK.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    events = {event for row in rows for event in re.findall(r"`([a-z]+(?:-[a-z]+)*)`", row.split("|")[2])}

    assert {fault.event for fault in (*NEGLECTED, *AWAY)} <= events
