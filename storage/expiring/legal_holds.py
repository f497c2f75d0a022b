"""Legal holds: what an operator keeps beyond its time, with the reason; set and released, never erased."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, or_, select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import InstrumentedAttribute

from storage.database.looking_up import looked_up
from storage.errors import Conflict, NotFound
from storage.expiring.retention_records import HoldKind, LegalHold
from storage.records.invoices import InvoiceState
from storage.records.mails import MailState
from storage.tables.companies import CompanyAccountRow
from storage.tables.invoices import InvoiceRow
from storage.tables.mails import ReceivedMailRow
from storage.tables.retention import LegalHoldRow

# Written out, for with a bound value SQLite cannot know that the partial index holds these rows.
_LIVE = text("legal_hold.released_at IS NULL")


def held(*subjects: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Whether there is a live hold on one of these ids."""
    return or_(*(looked_up(LegalHoldRow.subject_id == subject, _LIVE) for subject in subjects))


class LegalHolds:
    """The table of legal holds within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def set(self, hold: LegalHold) -> None:
        """Keeps something from now on.

        Raises NotFound when there is nothing of that id, Conflict when it is held or its content is gone already.
        """
        if self._deleted(hold.kind, hold.subject_id):
            raise Conflict(
                f"the content of the {hold.kind} {hold.subject_id} is deleted; there is nothing to hold"
            )
        taken = select(LegalHoldRow.id).where(LegalHoldRow.subject_id == hold.subject_id, _LIVE)
        if self._connection.scalar(taken):
            raise Conflict(f"the {hold.kind} {hold.subject_id} is held already")
        self._connection.execute(
            insert(LegalHoldRow).values(
                id=hold.id,
                kind=hold.kind,
                subject_id=hold.subject_id,
                reason=hold.reason,
                set_by=hold.set_by,
                set_at=hold.set_at,
            )
        )

    def release(self, subject_id: str, *, by: str, at: datetime, reason: str) -> LegalHold:
        """Ends the hold on something; what was held goes at the next run if its time has come.

        Raises NotFound when it is not held.
        """
        query = select(LegalHoldRow.__table__).where(LegalHoldRow.subject_id == subject_id, _LIVE)
        row = self._connection.execute(query.with_for_update()).one_or_none()
        if row is None:
            raise NotFound(f"there is no hold on {subject_id}")
        self._connection.execute(
            update(LegalHoldRow)
            .where(LegalHoldRow.id == row.id)
            .values(released_by=by, released_at=at, release_reason=reason)
        )
        return _record(row)

    def live(self) -> list[LegalHold]:
        """The holds that keep something now, oldest first."""
        return [hold for hold in self.all() if hold.released_at is None]

    def all(self) -> list[LegalHold]:
        """Every hold there ever was, oldest first."""
        query = select(LegalHoldRow.__table__).order_by(LegalHoldRow.set_at, LegalHoldRow.id)
        return [_record(row) for row in self._connection.execute(query)]

    def _deleted(self, kind: HoldKind, subject_id: str) -> bool:
        # Locked, so that a retention run on another node cannot delete it at the same moment.
        query: Any = {
            HoldKind.INVOICE: select(InvoiceRow.state == InvoiceState.DELETED).where(
                InvoiceRow.id == subject_id
            ),
            HoldKind.MAIL: select(ReceivedMailRow.state == MailState.DELETED).where(
                ReceivedMailRow.id == subject_id
            ),
            HoldKind.ACCOUNT: select(CompanyAccountRow.id.is_(None)).where(
                CompanyAccountRow.id == subject_id
            ),
        }[kind]
        found = self._connection.execute(query.with_for_update()).one_or_none()
        if found is None:
            raise NotFound(f"there is no {kind} {subject_id}")
        return bool(found[0])


def _record(row: Row[Any]) -> LegalHold:
    return LegalHold(
        id=row.id,
        kind=HoldKind(row.kind),
        subject_id=row.subject_id,
        reason=row.reason,
        set_by=row.set_by,
        set_at=row.set_at,
        release_reason=row.release_reason,
        released_by=row.released_by,
        released_at=row.released_at,
    )
