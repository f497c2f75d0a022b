"""Invoices on record, one row for each invoice of each account."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, func, or_, select, tuple_
from sqlalchemy.engine import Connection

from storage import codec
from storage.database.chunks import chunks
from storage.database.looking_up import any_of
from storage.database.many_rows import insert_rows
from storage.errors import NotFound
from storage.filed import tally
from storage.filed.inbox_entries import InboxEntries
from storage.filed.tally import Tally
from storage.records.invoices import Environment, Invoice, InvoiceState
from storage.records.validation import ValidationStatus
from storage.tables.base import table_of
from storage.tables.invoices import InvoiceRow


@dataclass(frozen=True, slots=True)
class Alike:
    """An invoice that another one may be a duplicate of."""

    account_id: str
    same_invoice: bytes
    mail_id: str
    received_at: datetime
    invoice_id: str


class Invoices:
    """The table of invoices within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, invoices: Sequence[Invoice], subjects: Mapping[str, str | None] | None = None) -> None:
        """Adds the invoices of some mails, mail after mail; one that its account has already is marked as a duplicate.

        They are in the inboxes of their companies from then on, where the subjects of the mails help to find them.

        Raises Conflict when a mail's invoice is on record for the account already.
        """
        if not invoices:
            return
        duplicates = first_alike(invoices, self._alike(invoices))
        insert_rows(
            self._connection,
            table_of(InvoiceRow),
            [
                {
                    "id": invoice.id,
                    "mail_id": invoice.mail_id,
                    "position": invoice.position,
                    "account_id": invoice.account_id,
                    "matched_by": invoice.matched_by,
                    "environment": invoice.environment,
                    "environment_reason": invoice.environment_reason,
                    "state": invoice.state,
                    "received_at": invoice.received_at,
                    "expires_at": invoice.expires_at,
                    "invoice_number": invoice.invoice_number,
                    "issue_date": invoice.issue_date,
                    "content": codec.invoice_to_json(invoice.reading) if invoice.reading else None,
                    "evidence": codec.evidence_to_json(invoice.evidence),
                    "same_invoice": invoice.same_invoice,
                    "duplicate_of": duplicates.get(invoice.id),
                }
                for invoice in invoices
            ],
        )
        InboxEntries(self._connection).add(invoices, subjects or {})
        Tally(self._connection).add(Counter(tally.invoices(one.state, one.environment) for one in invoices))

    def first_alike(self, invoices: Sequence[Invoice]) -> dict[str, str]:
        """The first invoice on record that each would be a duplicate of; by id."""
        return first_alike(invoices, self._alike(invoices))

    def _alike(self, invoices: Sequence[Invoice]) -> list[Alike]:
        """What is on record for the accounts and digests of `invoices`."""
        wanted: dict[str, list[bytes]] = defaultdict(list)
        for one in invoices:
            if one.same_invoice is not None:
                wanted[one.account_id].append(one.same_invoice)
        if not wanted:
            return []
        rows = self._connection.execute(
            select(
                InvoiceRow.id,
                InvoiceRow.mail_id,
                InvoiceRow.account_id,
                InvoiceRow.same_invoice,
                InvoiceRow.received_at,
            )
            # Not `(account_id, same_invoice) IN (...)`: for more than one pair SQLite reads the whole table.
            .where(
                or_(
                    *(
                        and_(InvoiceRow.account_id == account_id, InvoiceRow.same_invoice.in_(digests))
                        for account_id, digests in wanted.items()
                    )
                )
            )
        )
        return [Alike(row.account_id, row.same_invoice, row.mail_id, row.received_at, row.id) for row in rows]

    def get(self, invoice_id: str) -> Invoice:
        """One invoice. Raises NotFound."""
        row = self._connection.execute(
            select(InvoiceRow.__table__).where(InvoiceRow.id == invoice_id)
        ).one_or_none()
        if row is None:
            raise NotFound(f"there is no invoice {invoice_id}")
        return _record(row)

    def of_mails(self, mail_ids: Sequence[str]) -> list[Invoice]:
        """The invoices of some mails, in the order of mail, place in the mail, account."""
        found = [
            invoice
            for chunk in chunks(mail_ids)
            for invoice in self._select(select(InvoiceRow.__table__).where(InvoiceRow.mail_id.in_(chunk)))
        ]
        return sorted(found, key=lambda invoice: (invoice.mail_id, invoice.position, invoice.id))

    def portion(
        self,
        *,
        account_id: str | None = None,
        environment: Environment | None = None,
        since: datetime | None = None,
        ids_from: str = "",
        status: ValidationStatus | None = None,
        behind: Invoice | None = None,
        size: int,
    ) -> list[Invoice]:
        """Up to `size` invoices, newest first, those `behind` one; each by an index, however many there are.

        `ids_from`: what no id is below of those received `since` then.
        """
        query = self._chosen(account_id=account_id, environment=environment, since=since, status=status)
        if ids_from:
            query = query.where(InvoiceRow.id >= ids_from)
        if account_id is None:  # ids are in the order of time
            query = query.order_by(InvoiceRow.id.desc())
            if behind is not None:
                query = query.where(InvoiceRow.id < behind.id)
        else:
            query = query.order_by(InvoiceRow.received_at.desc(), InvoiceRow.id.desc())
            if behind is not None:
                place = tuple_(InvoiceRow.received_at, InvoiceRow.id)
                query = query.where(place < tuple_(behind.received_at, behind.id))
        return self._select(query.limit(size))

    def select(
        self,
        *,
        account_id: str | None = None,
        environment: Environment | None = None,
        since: datetime | None = None,
        status: ValidationStatus | None = None,
    ) -> list[Invoice]:
        """Invoices, newest first; `status` is what their validation came to."""
        query = self._chosen(account_id=account_id, environment=environment, since=since, status=status)
        return self._select(query.order_by(InvoiceRow.received_at.desc(), InvoiceRow.id.desc()))

    def _chosen(
        self,
        *,
        account_id: str | None,
        environment: Environment | None,
        since: datetime | None,
        status: ValidationStatus | None,
    ) -> Select[Any]:
        query: Select[Any] = select(InvoiceRow.__table__)
        if account_id is not None:
            query = query.where(InvoiceRow.account_id == account_id)
        if environment is not None:
            query = query.where(InvoiceRow.environment == environment)
        if since is not None:
            query = query.where(InvoiceRow.received_at >= since)
        if status is ValidationStatus.NOT_VALIDATED:
            query = query.where(
                InvoiceRow.validation_status.is_(None) | (InvoiceRow.validation_status == status)
            )
        elif status is not None:
            query = query.where(InvoiceRow.validation_status == status)
        return query

    def with_numbers(
        self, numbers: Iterable[tuple[str, str]], limit: int = 20
    ) -> dict[tuple[str, str], list[Invoice]]:
        """Invoices by account and number (BT-1), newest first, the newest `limit` of each, whoever the seller is."""
        found: dict[tuple[str, str], list[Invoice]] = defaultdict(list)
        place = func.row_number().over(
            partition_by=(InvoiceRow.account_id, InvoiceRow.invoice_number), order_by=InvoiceRow.id.desc()
        )
        for some in chunks(numbers):
            ranked = (
                select(InvoiceRow.id, place.label("place"))
                .where(any_of(InvoiceRow.account_id, InvoiceRow.invoice_number, some))
                .subquery()
            )
            newest = select(ranked.c.id).where(ranked.c.place <= limit)
            for one in self._select(select(InvoiceRow.__table__).where(InvoiceRow.id.in_(newest))):
                found[one.account_id, one.invoice_number or ""].append(one)
        return {key: sorted(alike, key=lambda one: one.id, reverse=True) for key, alike in found.items()}

    def counts(self) -> dict[tuple[InvoiceState, Environment], int]:
        """How many invoices are in each state of each environment; not counted one by one, once they were."""
        kept = Tally(self._connection)
        if kept.counted_at() is not None:
            return kept.invoices()
        rows = self._connection.execute(
            select(InvoiceRow.state, InvoiceRow.environment, func.count()).group_by(
                InvoiceRow.state, InvoiceRow.environment
            )
        )
        return {(InvoiceState(state), Environment(environment)): count for state, environment, count in rows}

    def _select(self, query: Select[Any]) -> list[Invoice]:
        return [_record(row) for row in self._connection.execute(query)]


def first_alike(invoices: Sequence[Invoice], on_record: Iterable[Alike]) -> dict[str, str]:
    """The first invoice that each is a duplicate of, on record or before it in `invoices`; by id.

    What one mail says twice is no duplicate: it is the same invoice for two accounts, or two documents of one kind.
    """
    first: dict[tuple[str, bytes], list[Alike]] = defaultdict(list)
    for one in sorted(on_record, key=lambda one: (one.received_at, one.invoice_id)):
        first[one.account_id, one.same_invoice].append(one)
    found: dict[str, str] = {}
    for invoice in invoices:
        if invoice.same_invoice is None:
            continue
        alike = first[invoice.account_id, invoice.same_invoice]
        others = [one for one in alike if one.mail_id != invoice.mail_id]
        if others:
            found[invoice.id] = min(others, key=lambda one: one.received_at).invoice_id  # of equals the first
        alike.append(
            Alike(invoice.account_id, invoice.same_invoice, invoice.mail_id, invoice.received_at, invoice.id)
        )
    return found


def _record(row: Row[Any]) -> Invoice:
    return Invoice(
        id=row.id,
        mail_id=row.mail_id,
        position=row.position,
        account_id=row.account_id,
        matched_by=row.matched_by,
        environment=Environment(row.environment),
        environment_reason=row.environment_reason,
        state=InvoiceState(row.state),
        received_at=row.received_at,
        expires_at=row.expires_at,
        invoice_number=row.invoice_number,
        issue_date=row.issue_date,
        reading=codec.invoice_from_json(row.content) if row.content else None,
        same_invoice=row.same_invoice,
        duplicate_of=row.duplicate_of,
        deleted_at=row.deleted_at,
        evidence=codec.evidence_from_json(row.evidence) if row.evidence else (),
        validation=codec.validation_from_json(row.validation) if row.validation else None,
        validated_at=row.validated_at,
    )
