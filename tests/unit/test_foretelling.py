"""What a run of retention would take away is told without contradiction, also while another run is at work."""

from __future__ import annotations

from datetime import UTC, datetime

from retention.worker import Swept, foretold
from storage.expiring.retention_records import GoingKind, GoingOfCompany
from storage.records.invoices import Environment

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def test_the_numbers_of_invoices_come_from_one_question() -> None:
    """A run that went on between two questions made "-5200 test invoices" of their difference."""
    counted_before = dict.fromkeys(GoingKind, 0) | {GoingKind.INVOICE: 100, GoingKind.MAIL: 70}
    companies = [
        GoingOfCompany(account_id="a", name="A", environment=environment, number=number, due_since=NOW)
        for environment, number in (
            (Environment.PRODUCTIVE, 40),
            (Environment.TEST, 3),
            (Environment.PRODUCTIVE, 2),
        )
    ]

    assert foretold(counted_before, companies) == Swept(productive=42, test=3, mails=70)
