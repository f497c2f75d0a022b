"""Mails made to exhaust memory do not; the same cases as `python -m bench.hostile`, which measures the waits too."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.hostile import CASES, MEMORY_LIMIT, Case, measured


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_memory_stays_bounded(case: Case, tmp_path: Path) -> None:
    """A list of lines once took 2.8 GB for 33 MB of them."""
    figures = measured(case, tmp_path)

    assert float(str(figures["over_idle_mebibytes"])) <= MEMORY_LIMIT
    assert [
        path.name
        for path in tmp_path.iterdir()
        if not path.name.startswith(("invoices.db", "log.", "troubles"))
    ] == []
