"""Asks what operators and monitoring ask of a mailbox, and takes the time, for `bench.portal`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cli import forms
from cli.portions import ids_since
from cli.status import look
from config.load import load
from ingest.exposition import Queue
from ingest.filing_settings import retention_periods
from retention.worker import would_go
from storage.store import Store

LATE = (1000, 2000)  # milliseconds, of the median and of the 95th in a hundred


def answers(store: Store, times: int) -> dict[str, list[float]]:
    """Milliseconds of each question, as the command takes them once it has begun."""
    settings = load(None)
    now = datetime.now(UTC)
    yesterday = now - timedelta(days=1)

    def newest_invoices() -> None:
        with store.reading() as records:
            forms.invoice_forms(records, records.invoices.portion(size=500))

    def mails_of_a_day() -> None:
        with store.reading() as records:
            begin = ids_since(yesterday, now)
            forms.mail_forms(records, records.mails.select(since=yesterday, ids_from=begin, size=500))

    questions: dict[str, Callable[[], object]] = {
        "invoices status": lambda: look(store, settings, now),
        "/metrics": lambda: list(Queue(store, lambda: now).collect()),
        "retention run --dry-run": lambda: would_go(store, retention_periods(settings), now),
        "list: the newest 500": newest_invoices,
        "mail list --since: 500 of a day": mails_of_a_day,
    }
    return {name: [_milliseconds(question) for _ in range(times)] for name, question in questions.items()}


def _milliseconds(question: Callable[[], object]) -> float:
    begun = time.perf_counter()
    question()
    return (time.perf_counter() - begun) * 1000
