"""The expiries of what is on record, to be decided again; the database lets one come nearer by a rescheduling only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.engine import Connection

from storage.expiring.expired_statements import AVAILABLE, SETTLED
from storage.records.invoices import Environment
from storage.tables.invoices import InvoiceRow
from storage.tables.mails import ReceivedMailRow


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptInvoice:
    """An available invoice, as far as its expiry is concerned."""

    id: str
    mail_id: str
    environment: Environment
    received_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMail:
    """A settled mail, and the last expiry of its available invoices."""

    id: str
    received_at: datetime
    expires_at: datetime
    needed_until: datetime | None


class Expiries:
    """Invoices and mails that will expire, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def invoices(self, after: str, limit: int) -> list[KeptInvoice]:
        """Some available invoices behind `after`, by id."""
        query = (
            select(
                InvoiceRow.id,
                InvoiceRow.mail_id,
                InvoiceRow.environment,
                InvoiceRow.received_at,
                InvoiceRow.expires_at,
            )
            .where(InvoiceRow.id > after, AVAILABLE)
            .order_by(InvoiceRow.id)
            .limit(limit)
            .with_for_update(of=InvoiceRow)
        )
        return [
            KeptInvoice(
                id=row.id,
                mail_id=row.mail_id,
                environment=Environment(row.environment),
                received_at=row.received_at,
                expires_at=row.expires_at,
            )
            for row in self._connection.execute(query)
        ]

    def mails(self, after: str, limit: int) -> list[KeptMail]:
        """Some settled mails behind `after`, by id."""
        query = (
            select(ReceivedMailRow.id, ReceivedMailRow.received_at, ReceivedMailRow.expires_at)
            .where(ReceivedMailRow.id > after, SETTLED, ReceivedMailRow.expires_at.is_not(None))
            .order_by(ReceivedMailRow.id)
            .limit(limit)
            .with_for_update(of=ReceivedMailRow)
        )
        rows = self._connection.execute(query).all()
        needed = (
            select(InvoiceRow.mail_id, func.max(InvoiceRow.expires_at).label("until"))
            .where(InvoiceRow.mail_id.in_([row.id for row in rows]), AVAILABLE)
            .group_by(InvoiceRow.mail_id)
        )
        until = {row.mail_id: row.until for row in self._connection.execute(needed)}
        return [
            KeptMail(
                id=row.id,
                received_at=row.received_at,
                expires_at=row.expires_at,
                needed_until=until.get(row.id),
            )
            for row in rows
        ]

    def set_invoices(self, expiries: Mapping[str, datetime]) -> None:
        """New expiries of invoices by id."""
        self._set(InvoiceRow, expiries)

    def set_mails(self, expiries: Mapping[str, datetime]) -> None:
        """New expiries of mails by id."""
        self._set(ReceivedMailRow, expiries)

    def _set(self, table: type[InvoiceRow | ReceivedMailRow], expiries: Mapping[str, datetime]) -> None:
        if not expiries:
            return
        rows: Sequence[dict[str, object]] = [{"of": key, "until": until} for key, until in expiries.items()]
        statement = update(table.__table__).where(table.__table__.c.id == bindparam("of"))  # type: ignore[arg-type]
        self._connection.execute(statement.values(expires_at=bindparam("until")), rows)
