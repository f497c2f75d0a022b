"""What an operator asks of an installation: status and migrate."""

from __future__ import annotations

from storage.records import MailState
from tests.commands import Commands
from tests.filed_mails import file_in_quarantine, file_invoice


def test_status_counts_what_is_there(commands: Commands) -> None:
    """Also what the retention worker has still to do."""
    file_invoice(commands.url)
    file_in_quarantine(commands.url)

    status = commands.one("status")

    assert list(status) == [
        *("at", "queued", "oldest_queued_seconds", "quarantined", "mails", "invoices", "accounts"),
        "retention_due",
    ]
    assert (status["queued"], status["oldest_queued_seconds"], status["quarantined"]) == (0, None, 1)
    assert status["mails"] == {str(MailState.FILED): 1, str(MailState.QUARANTINED): 1}
    assert status["invoices"] == {"available productive": 1}
    assert status["accounts"] == {"registered": 1}


def test_the_schema_is_made_once(commands: Commands) -> None:
    """A second run finds nothing to do."""
    first, second = commands.one("migrate"), commands.one("migrate")

    assert first["before"] is None
    assert second == {"before": first["after"], "after": first["after"]}
