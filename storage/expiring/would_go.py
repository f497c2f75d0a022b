"""What a run of retention would take away at an instant: how much, of whom, and each by its id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.engine import Connection

from storage.database.looking_up import looked_up
from storage.expiring.expired_statements import (
    AVAILABLE,
    INVOICE_HELD,
    LINK_ENDED,
    MAIL_HELD,
    TOMBSTONE_INVOICE,
    TOMBSTONE_MAIL,
    mail_would_go,
)
from storage.expiring.retention_records import Going, GoingKind, GoingOfCompany, Sweep
from storage.records.invoices import Environment
from storage.tables.companies import CompanyAccountRow
from storage.tables.invoices import InvoiceRow
from storage.tables.mails import ReceivedMailRow
from storage.tables.people import RegistrationLinkRow

_AT_ONCE = 1000  # rows


class WouldGo:
    """Everything whose time has come, within one transaction that only reads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def each(self, sweep: Sweep) -> Iterator[Going]:
        """One by one, and without having all of it in memory."""
        for kind, query in _queries(sweep).items():
            ordered = query.order_by("due_since", "id").execution_options(yield_per=_AT_ONCE)
            for row in self._connection.execute(ordered):
                yield Going(
                    kind=kind,
                    id=row.id,
                    due_since=row.due_since,
                    account_id=row.account_id if kind is GoingKind.INVOICE else None,
                    environment=Environment(row.environment) if kind is GoingKind.INVOICE else None,
                )

    def counts(self, sweep: Sweep) -> dict[GoingKind, int]:
        """How many of each kind but invoices, which `by_company` counts."""
        return {
            kind: self._connection.scalar(select(func.count()).select_from(query.subquery())) or 0
            for kind, query in _queries(sweep).items()
            if kind is not GoingKind.INVOICE
        }

    def by_company(self, sweep: Sweep) -> list[GoingOfCompany]:
        """The invoices among it, by company and environment."""
        query = (
            select(
                InvoiceRow.account_id,
                CompanyAccountRow.name,
                InvoiceRow.environment,
                func.count().label("number"),
                func.min(InvoiceRow.expires_at).label("due_since"),
            )
            .join(CompanyAccountRow, CompanyAccountRow.id == InvoiceRow.account_id)
            .where(_due_invoice(sweep))
            .group_by(InvoiceRow.account_id, CompanyAccountRow.name, InvoiceRow.environment)
            .order_by(CompanyAccountRow.name, InvoiceRow.account_id, InvoiceRow.environment)
        )
        return [
            GoingOfCompany(
                account_id=row.account_id,
                name=row.name,
                environment=Environment(row.environment),
                number=row.number,
                due_since=row.due_since,
            )
            for row in self._connection.execute(query)
        ]


def _queries(sweep: Sweep) -> dict[GoingKind, Any]:
    invoice, mail, link = InvoiceRow, ReceivedMailRow, RegistrationLinkRow
    return {
        GoingKind.INVOICE: select(
            invoice.id, invoice.expires_at.label("due_since"), invoice.account_id, invoice.environment
        ).where(_due_invoice(sweep)),
        GoingKind.MAIL: select(mail.id, mail.expires_at.label("due_since")).where(mail_would_go(sweep.now)),
        GoingKind.INVOICE_TOMBSTONE: select(
            invoice.id, func.coalesce(invoice.tombstone_until, invoice.expires_at).label("due_since")
        ).where(_invoice_tombstone(sweep)),
        GoingKind.MAIL_TOMBSTONE: select(
            mail.id, func.coalesce(mail.tombstone_until, mail.expires_at).label("due_since")
        ).where(_mail_tombstone(sweep)),
        GoingKind.LINK: select(link.id, LINK_ENDED.label("due_since")).where(
            sweep.links_ended_before >= LINK_ENDED
        ),
    }


def _due_invoice(sweep: Sweep) -> ColumnElement[bool]:
    return and_(AVAILABLE, InvoiceRow.expires_at <= sweep.now, ~INVOICE_HELD)


def _invoice_tombstone(sweep: Sweep) -> ColumnElement[bool]:
    over = and_(TOMBSTONE_INVOICE, InvoiceRow.tombstone_until <= sweep.now, ~INVOICE_HELD)
    return or_(over, _due_invoice(sweep)) if sweep.without_tombstones else over


def _mail_tombstone(sweep: Sweep) -> ColumnElement[bool]:
    """Once the tombstones of all its invoices have gone."""
    over: ColumnElement[bool] = and_(TOMBSTONE_MAIL, ReceivedMailRow.tombstone_until <= sweep.now, ~MAIL_HELD)
    if sweep.without_tombstones:
        over = or_(over, mail_would_go(sweep.now))
    one_stays = looked_up(InvoiceRow.mail_id == ReceivedMailRow.id, ~_invoice_tombstone(sweep))
    return and_(over, ~one_stays)
