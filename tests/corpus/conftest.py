"""Where the shared corpus of real files lies; without it nothing here is collected."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.truth import CORPUS

collect_ignore_glob = [] if CORPUS.is_dir() else ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints how many rows of the invoice table came out right."""
    table = "test_terms_equal_the_table"
    right, wrong = (
        sum(table in one.nodeid for one in terminalreporter.stats.get(outcome, []))
        for outcome in ("passed", "failed")
    )
    if right + wrong:
        terminalreporter.write_line(f"invoice corpus: {right} rows of {right + wrong} right")


@pytest.fixture(scope="session")
def invoice_corpus() -> Path:
    """The folder of invoice files with its table expected.tsv."""
    return CORPUS / "invoices"


@pytest.fixture(scope="session")
def mime_corpus() -> Path:
    """The folder of mails with its tables expected.tsv and consensus.tsv."""
    return CORPUS / "mime"
