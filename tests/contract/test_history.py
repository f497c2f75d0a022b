"""The database itself keeps the history as it was written."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from storage.records.history import HistoryEvent, HistoryEventName
from storage.store import Store
from tests import making


def _event(now: datetime, **of: str | None) -> HistoryEvent:
    values = {"mail_id": None, "invoice_id": None} | of
    return HistoryEvent(at=now, event=HistoryEventName.READ, actor="worker", detail={"a": "ä"}, **values)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history_event SET actor = 'nobody'",
        "UPDATE history_event SET detail = '{}'",
        "DELETE FROM history_event",
        "INSERT OR REPLACE INTO history_event SELECT * FROM history_event",
        "TRUNCATE history_event",
    ],
)
def test_history_cannot_be_changed_by_sql(store: Store, database_url: str, statement: str) -> None:
    """Whoever can write to the table is refused by the table."""
    foreign = {"INSERT OR": "sqlite", "TRUNCATE": "postgresql"}
    mail = making.incoming()
    store.add_mails([mail])
    with store.transaction() as records:
        before = records.history.of_mail(mail.id)
    for start, engine_name in foreign.items():
        if statement.startswith(start) and not database_url.startswith(engine_name):
            statement = "DELETE FROM history_event"  # what the other engine has no word for

    engine = create_engine(database_url)
    with pytest.raises(IntegrityError, match="history"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()

    with store.reading() as records:
        assert records.history.of_mail(mail.id) == before


def test_an_invoices_history_holds_its_mails_events_too(store: Store, now: datetime) -> None:
    """What happened to the whole mail happened to each invoice; another invoice's events do not show."""
    events = [
        _event(now, mail_id="m"),
        _event(now, mail_id="m", invoice_id="i"),
        _event(now, mail_id="m", invoice_id="other"),
        _event(now, mail_id="another mail"),
    ]
    with store.transaction() as records:
        records.history.add(events)

    with store.reading() as records:
        assert records.history.of_invoice("i", "m") == events[:2]
        assert records.history.of_mail("m") == events[:3]
