"""Which invoices wait to be validated, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, func, or_, select, text, update
from sqlalchemy.engine import Connection

from storage import codec
from storage.records.invoices import InvoiceState
from storage.records.validation import Validation, ValidationStatus
from storage.tables.invoices import InboxEntryRow, InvoiceRow

# Written out, for with bound values SQLite cannot know that the partial index holds these rows.
_WAITING = text("invoice.validation_status IS NULL AND invoice.state = 'available'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An invoice that is to be validated."""

    invoice_id: str
    mail_id: str
    tries: int  # this one included


class Validations:
    """What is known of the worth of invoices, within one transaction.

    Those that wait are asked for in the order of the index that holds just these, else SQLite goes through all that
    are available by another.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_waiting(self, now: datetime) -> bool:
        """Whether an invoice is due to be validated."""
        query = select(InvoiceRow.id).where(_WAITING, self._due(now)).order_by(InvoiceRow.id).limit(1)
        return self._connection.scalar(query) is not None

    def waiting_up_to(self, most: int) -> int:
        """How many invoices have no result yet, counted up to `most`: asked often, and of a long queue, too."""
        some = select(InvoiceRow.id).where(_WAITING).order_by(InvoiceRow.id).limit(most).subquery()
        return self._connection.scalar(select(func.count()).select_from(some)) or 0

    def claim(self, *, now: datetime, lease: timedelta, limit: int) -> list[Waiting]:
        """Takes invoices that wait, the oldest first; nobody else gets them before `lease` is over.

        Ids are in the order of time. Whoever dies with an invoice loses it then, and its tries tell of it.
        """
        due = (
            select(InvoiceRow.id)
            .where(_WAITING, self._due(now))
            .order_by(InvoiceRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ids = list(self._connection.scalars(due))
        if not ids:
            return []
        taken = (
            update(InvoiceRow)
            .where(InvoiceRow.id.in_(ids))
            .values(validation_tries=InvoiceRow.validation_tries + 1, validation_after=now + lease)
            .returning(InvoiceRow.id, InvoiceRow.mail_id, InvoiceRow.validation_tries)
        )
        found = [
            Waiting(invoice_id=row.id, mail_id=row.mail_id, tries=row.validation_tries)
            for row in self._connection.execute(taken)
        ]
        return sorted(found, key=lambda one: one.invoice_id)

    def release(self, invoice_ids: Sequence[str]) -> None:
        """Gives claimed invoices back, as if they had not been taken."""
        tries = InvoiceRow.validation_tries
        self._connection.execute(
            update(InvoiceRow)
            .where(InvoiceRow.id.in_(invoice_ids), InvoiceRow.validation_status.is_(None))
            .values(validation_after=None, validation_tries=case((tries > 0, tries - 1), else_=0))
        )

    def record(self, invoice_id: str, validation: Validation, *, at: datetime, again: bool = False) -> bool:
        """Writes what an invoice is worth; False when it is deleted, or has a result and `again` is not set."""
        query = update(InvoiceRow).where(
            InvoiceRow.id == invoice_id, InvoiceRow.state == InvoiceState.AVAILABLE
        )
        if not again:
            query = query.where(InvoiceRow.validation_status.is_(None))
        written = self._connection.execute(
            query.values(
                validation_status=validation.status,
                validation=codec.validation_to_json(validation),
                validated_at=at,
                validation_after=None,
            )
        )
        if written.rowcount != 1:
            return False
        account_id = select(InvoiceRow.account_id).where(InvoiceRow.id == invoice_id).scalar_subquery()
        self._connection.execute(
            update(InboxEntryRow)
            .where(InboxEntryRow.account_id == account_id, InboxEntryRow.invoice_id == invoice_id)
            .values(validation_status=validation.status)
        )
        return True

    def counts(self) -> dict[ValidationStatus, int]:
        """How many available invoices have which worth; those that wait count as not validated."""
        rows = self._connection.execute(
            select(InvoiceRow.validation_status, func.count())
            .where(InvoiceRow.state == InvoiceState.AVAILABLE)
            .group_by(InvoiceRow.validation_status)
        )
        found: dict[ValidationStatus, int] = {}
        for status, count in rows:
            key = ValidationStatus(status) if status else ValidationStatus.NOT_VALIDATED
            found[key] = found.get(key, 0) + count
        return found

    @staticmethod
    def _due(now: datetime) -> ColumnElement[bool]:
        return or_(InvoiceRow.validation_after.is_(None), InvoiceRow.validation_after <= now)
