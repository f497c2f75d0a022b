"""The history of mails and invoices: events are added and read, never changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.engine import Connection

from storage.database.many_rows import insert_rows
from storage.records.history import HistoryEvent, HistoryEventName
from storage.tables.base import table_of
from storage.tables.history import HistoryEventRow

_EVENTS = table_of(HistoryEventRow)


class History:
    """The table of history events within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, events: Sequence[HistoryEvent]) -> None:
        """Adds events."""
        rows = [
            {
                "mail_id": event.mail_id,
                "invoice_id": event.invoice_id,
                "at": event.at,
                "event": event.event,
                "actor": event.actor,
                "detail": event.detail,
            }
            for event in events
        ]
        insert_rows(self._connection, _EVENTS, rows)

    def of_mail(self, mail_id: str) -> list[HistoryEvent]:
        """Every event of a mail and of its invoices, oldest first."""
        return self._select(HistoryEventRow.mail_id == mail_id)

    def of_invoice(self, invoice_id: str, mail_id: str) -> list[HistoryEvent]:
        """The events of an invoice and those of its mail as a whole, oldest first."""
        return self._select(
            or_(
                HistoryEventRow.invoice_id == invoice_id,
                and_(HistoryEventRow.mail_id == mail_id, HistoryEventRow.invoice_id.is_(None)),
            )
        )

    def _select(self, condition: object) -> list[HistoryEvent]:
        query = select(HistoryEventRow.__table__).where(condition)  # type: ignore[arg-type]  # any SQL condition
        return [
            HistoryEvent(
                at=row.at,
                event=HistoryEventName(row.event),
                actor=row.actor,
                detail=row.detail,
                mail_id=row.mail_id,
                invoice_id=row.invoice_id,
            )
            for row in self._connection.execute(query.order_by(HistoryEventRow.id))
        ]
