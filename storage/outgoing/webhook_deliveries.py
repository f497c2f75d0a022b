"""Calls of webhooks: a queue in the database, filled by whatever a program wants to know of, in its own transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, union_all, update
from sqlalchemy.engine import Connection

from storage.database.chunks import chunks
from storage.database.straight import answers, carry_out
from storage.errors import NotFound
from storage.expiring.expired_statements import AVAILABLE, INVOICE_HELD
from storage.filed import tally
from storage.filed.tally import Tally
from storage.ids import new_id
from storage.outgoing.webhooks import WAITING, is_due
from storage.records.companies import SecondLook
from storage.records.invoices import Environment
from storage.records.webhooks import DeliveryState, Webhook, WebhookDelivery, WebhookEvent
from storage.tables.base import table_of
from storage.tables.invoices import InboxEntryRow, InvoiceRow
from storage.tables.programs import WebhookDeliveryRow, WebhookRow

Wanting = tuple[str, str, str | None]  # ids of webhook, company account and invoice

_ADD = insert(table_of(WebhookDeliveryRow)).inline()
_ANY_WEBHOOK = select(WebhookRow.id).where(WebhookRow.disabled_at.is_(None)).limit(1)


class WebhookDeliveries:
    """The table of calls within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tell(
        self, event: WebhookEvent, invoice_ids: Iterable[str], at: datetime, *, once: bool = False
    ) -> int:
        """Puts a call into the queue for each webhook that wants this event of one of these invoices; how many.

        What a company does not see yet, its programs are not told. `once`: not those that were told already.
        """
        told = 0
        for chunk in chunks(invoice_ids):
            pairs = self._wanted(event, InvoiceRow.id.in_(chunk))
            told += self._add(event, pairs - self._told(event, chunk) if once and pairs else pairs, at)
        return told

    def wanting_deletion(self, invoice_ids: Sequence[str]) -> list[Wanting]:
        """Who wants to know of the deletion of these invoices; to be asked before, as what is left says too little."""
        if not answers(self._connection, _ANY_WEBHOOK, {}):
            return []
        return [
            pair
            for chunk in chunks(invoice_ids)
            for pair in self._wanted(WebhookEvent.DELETED, InvoiceRow.id.in_(chunk))
        ]

    def tell_of_deletion(self, wanting: Iterable[Wanting], at: datetime) -> None:
        """Puts their calls into the queue; after the deletion, with which all other calls about these invoices go."""
        self._insert(wanting, WebhookEvent.DELETED, at)

    def tell_of_expiring(self, after: datetime, until: datetime, at: datetime) -> int:
        """The same for productive invoices that nobody holds and that expire behind `after` up to `until`."""
        soon = and_(
            AVAILABLE,
            ~INVOICE_HELD,
            InvoiceRow.environment == Environment.PRODUCTIVE,
            InvoiceRow.expires_at > after,
            InvoiceRow.expires_at <= until,
        )
        return self._add(WebhookEvent.EXPIRING, self._wanted(WebhookEvent.EXPIRING, soon), at)

    def test(self, webhook: Webhook, at: datetime) -> None:
        """Puts a call into the queue that is about nothing."""
        self._insert([(webhook.id, webhook.account_id, None)], WebhookEvent.TEST, at)

    def due(self, webhook_id: str, now: datetime, limit: int) -> list[WebhookDelivery]:
        """What has to be told to a webhook now, oldest first; what failed before goes behind what is new."""
        query = (
            select(WebhookDeliveryRow.__table__)
            .where(WebhookDeliveryRow.webhook_id == webhook_id, WAITING, is_due(now))
            .order_by(WebhookDeliveryRow.attempts, WebhookDeliveryRow.id)
            .limit(limit)
        )
        return [_record(row) for row in self._connection.execute(query)]

    def delivered(self, delivery_id: str, *, at: datetime, status: int, reply: str) -> None:
        """It was taken."""
        self._tried(delivery_id, at, status, reply, state=DeliveryState.DELIVERED)

    def postpone(
        self, delivery_id: str, *, at: datetime, until: datetime, status: int | None, reply: str
    ) -> None:
        """It is tried again then."""
        self._tried(delivery_id, at, status, reply, not_before=until)

    def fail(self, delivery_id: str, *, at: datetime, status: int | None, reply: str) -> None:
        """It is not tried any more."""
        self._tried(delivery_id, at, status, reply, state=DeliveryState.FAILED)

    def hurry(self, webhook_id: str, now: datetime) -> None:
        """Tries everything again that waits for its next try: the webhook is back."""
        self._connection.execute(
            update(WebhookDeliveryRow)
            .where(WebhookDeliveryRow.webhook_id == webhook_id, WAITING, WebhookDeliveryRow.not_before > now)
            .values(not_before=None)
        )

    def again(self, webhook: Webhook, delivery_id: str) -> None:
        """Puts one that was given up into the queue again. Raises NotFound when there is no such one."""
        again = self._connection.execute(
            update(WebhookDeliveryRow)
            .where(
                WebhookDeliveryRow.id == delivery_id,
                WebhookDeliveryRow.webhook_id == webhook.id,
                WebhookDeliveryRow.state == DeliveryState.FAILED,
            )
            .values(state=DeliveryState.WAITING, attempts=0, not_before=None)
        )
        if not again.rowcount:
            raise NotFound(f"there is no delivery {delivery_id} that was given up")

    def of_webhook(self, webhook_id: str, limit: int) -> list[WebhookDelivery]:
        """The newest deliveries, newest first."""
        query = (
            select(WebhookDeliveryRow.__table__)
            .where(WebhookDeliveryRow.webhook_id == webhook_id)
            .order_by(WebhookDeliveryRow.id.desc())
            .limit(limit)
        )
        return [_record(row) for row in self._connection.execute(query)]

    def counts(self) -> dict[DeliveryState, int]:
        """How many calls are in each state; those that ended are kept in the tally, and removed after a while."""
        by_state = select(WebhookDeliveryRow.state, func.count()).group_by(WebhookDeliveryRow.state)
        query: Any = by_state
        if Tally(self._connection).counted_at() is not None:
            query = union_all(by_state.where(WAITING), tally.kept(tally.CALL))
        return {DeliveryState(state): int(count) for state, count in self._connection.execute(query) if count}

    def remove_ended(self, before: datetime) -> int:
        """Removes those that were made before then and wait for nothing any more; how many."""
        return self._connection.execute(
            delete(WebhookDeliveryRow).where(
                WebhookDeliveryRow.created_at <= before, WebhookDeliveryRow.state != DeliveryState.WAITING
            )
        ).rowcount

    def _wanted(self, event: WebhookEvent, which: ColumnElement[bool]) -> set[Wanting]:
        """Everybody who wants to know."""
        entry = and_(
            InboxEntryRow.account_id == InvoiceRow.account_id, InboxEntryRow.invoice_id == InvoiceRow.id
        )
        in_sight = or_(InboxEntryRow.second_look.is_(None), InboxEntryRow.second_look != SecondLook.WITHHELD)
        query = (
            select(WebhookRow.id, WebhookRow.account_id, InvoiceRow.id.label("invoice_id"), WebhookRow.events)
            .join(InvoiceRow, InvoiceRow.account_id == WebhookRow.account_id)
            .join(InboxEntryRow, entry)
            .where(WebhookRow.disabled_at.is_(None), which, in_sight)
        )
        return {
            (row.id, row.account_id, row.invoice_id)
            for row in self._connection.execute(query)
            if event in row.events
        }

    def _told(self, event: WebhookEvent, invoice_ids: list[str]) -> set[Wanting]:
        query = select(
            WebhookDeliveryRow.webhook_id, WebhookDeliveryRow.account_id, WebhookDeliveryRow.invoice_id
        ).where(WebhookDeliveryRow.invoice_id.in_(invoice_ids), WebhookDeliveryRow.event == event)
        return {(row.webhook_id, row.account_id, row.invoice_id) for row in self._connection.execute(query)}

    def _add(self, event: WebhookEvent, pairs: set[Wanting], at: datetime) -> int:
        self._insert(pairs, event, at)
        return len(pairs)

    def _insert(self, pairs: Iterable[Wanting], event: WebhookEvent, at: datetime) -> None:
        rows = [
            {
                "id": new_id(),
                "webhook_id": webhook_id,
                "account_id": account_id,
                "event": event,
                "invoice_id": invoice_id,
                "state": DeliveryState.WAITING,
                "attempts": 0,
                "created_at": at,
            }
            for webhook_id, account_id, invoice_id in sorted(pairs, key=lambda one: one[2] or "")
        ]
        carry_out(self._connection, _ADD, rows)

    def _tried(
        self, delivery_id: str, at: datetime, status: int | None, reply: str, **values: object
    ) -> None:
        self._connection.execute(
            update(WebhookDeliveryRow)
            .where(WebhookDeliveryRow.id == delivery_id, WebhookDeliveryRow.state == DeliveryState.WAITING)
            .values(
                tried_at=at, status=status, reply=reply, attempts=WebhookDeliveryRow.attempts + 1, **values
            )
        )


def _record(row: Row[Any]) -> WebhookDelivery:
    return WebhookDelivery(
        id=row.id,
        webhook_id=row.webhook_id,
        account_id=row.account_id,
        event=WebhookEvent(row.event),
        invoice_id=row.invoice_id,
        state=DeliveryState(row.state),
        created_at=row.created_at,
        attempts=row.attempts,
        not_before=row.not_before,
        tried_at=row.tried_at,
        status=row.status,
        reply=row.reply,
    )
