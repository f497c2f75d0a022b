"""Retention makes way for whoever wakes up beside it, and has as much of the processor as before."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os
from retention.hurry import in_no_hurry
os.nice(3)
took_note = in_no_hurry()
print(took_note, os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0) == os.SCHED_OTHER)
"""


def test_no_hurry_leaves_niceness_and_policy_as_they_were() -> None:
    """The call sets everything at once: to lose the unit's niceness by it would be worse than what it is for."""
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout

    assert told.split()[1:] == ["3", "True"]
    assert told.split()[0] in ("True", "False"), (
        "a kernel or a unit may refuse, and the run goes on all the same"
    )
