"""Processes that are started often import no more than they need: it is most of the time until they begin."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("reading.reader", {"pydantic", "sqlalchemy", "psycopg", "structlog", "fpdf"}),
        ("cli.main", {"fastapi", "uvicorn", "pypdf", "lxml", "aiosmtpd", "alembic", "saxonche"}),
    ],
)
def test_a_process_does_not_wait_for_what_it_never_uses(module: str, spared: set[str]) -> None:
    """A worker starts a reader for every processor, and an operator a command for every question."""
    program = f"import sys, {module}; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert spared & set(done.stdout.split()) == set()
