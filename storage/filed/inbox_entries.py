"""Keeps the entries of the inboxes in step with the invoices: one narrow row each, and the words it is found by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, join, select, update
from sqlalchemy.engine import Connection

from storage.database.chunks import chunks
from storage.database.many_rows import insert_rows
from storage.database.straight import answers, carry_out
from storage.filed import inbox_words
from storage.records.invoices import Invoice, InvoiceState
from storage.records.reading import InvoiceReading
from storage.tables.base import table_of
from storage.tables.invoices import InboxEntryRow, InboxWordRow, InvoiceRow, InvoiceSeenRow

# Made once, for retention needs them in each of its many small batches.
_KNOWN = select(
    InboxEntryRow.account_id, InboxEntryRow.invoice_id, InboxEntryRow.invoice_number, InboxEntryRow.words
).select_from(
    join(
        InvoiceRow,
        InboxEntryRow,
        (InboxEntryRow.account_id == InvoiceRow.account_id) & (InboxEntryRow.invoice_id == InvoiceRow.id),
    )
)
_KNOWN_ALL = _KNOWN.where(InvoiceRow.id.in_(bindparam("of_invoices", expanding=True)))
_KNOWN_ONE = _KNOWN.where(InvoiceRow.id == bindparam("of_invoice"))
_ONE_ENTRY = and_(
    InboxEntryRow.account_id == bindparam("of_account"), InboxEntryRow.invoice_id == bindparam("of_invoice")
)
_EMPTY_ENTRY = (
    update(InboxEntryRow.__table__)  # type: ignore[arg-type]  # declared as FromClause, it is a Table
    .where(_ONE_ENTRY)
    .values(
        state=InvoiceState.DELETED,
        seller_name=None,
        seller_key="",
        total=None,
        total_key=inbox_words.UNKNOWN_AMOUNT,
        currency=None,
        warnings=0,
        second_look=None,
        words=bindparam("left"),
        note=None,
    )
)
_REMOVE_ENTRY = delete(InboxEntryRow.__table__).where(_ONE_ENTRY)  # type: ignore[arg-type]  # the same
_FORGET_WORD = delete(InboxWordRow.__table__).where(  # type: ignore[arg-type]  # the same
    InboxWordRow.account_id == bindparam("of_account"),
    InboxWordRow.word == bindparam("of_word"),
    InboxWordRow.invoice_id == bindparam("of_invoice"),
)
_FORGET_SEEN = delete(table_of(InvoiceSeenRow)).where(InvoiceSeenRow.invoice_id == bindparam("of_invoice"))


class _Known(NamedTuple):
    """What is known of an entry that changes or goes."""

    account_id: str
    invoice_id: str
    invoice_number: str | None
    words: str


class InboxEntries:
    """The tables behind the inboxes of all companies, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, invoices: Sequence[Invoice], subjects: Mapping[str, str | None]) -> None:
        """Adds the entries of invoices that are added; `subjects` are those of their mails, by id."""
        words = {invoice.id: _words(invoice, subjects.get(invoice.mail_id)) for invoice in invoices}
        insert_rows(
            self._connection,
            table_of(InboxEntryRow),
            [entry_values(invoice, words[invoice.id]) for invoice in invoices],
        )
        self._add_words(
            (invoice.account_id, word, invoice.id) for invoice in invoices for word in words[invoice.id]
        )

    def empty(self, invoice_ids: Sequence[str]) -> None:
        """Takes out what a deleted invoice must not be known by any more; number and dates stay."""
        rows = self._known(invoice_ids)
        if not rows:
            return
        numbers = {
            row.invoice_id: inbox_words.words_of(number=row.invoice_number, total=None, texts=())
            for row in rows
        }
        self._forget_words(rows, numbers)
        carry_out(
            self._connection,
            _EMPTY_ENTRY,
            [
                {
                    "of_account": row.account_id,
                    "of_invoice": row.invoice_id,
                    "left": _joined(numbers[row.invoice_id]),
                }
                for row in rows
            ],
        )
        self._add_words(
            (row.account_id, word, row.invoice_id)
            for row in rows
            for word in set(numbers[row.invoice_id]) - set(row.words.split())
        )

    def remove(self, invoice_ids: Sequence[str]) -> None:
        """Removes the entries of invoices whose tombstones go; before the invoices themselves."""
        rows = self._known(invoice_ids)
        if not rows:
            return
        self._forget_words(rows, {})
        carry_out(
            self._connection,
            _REMOVE_ENTRY,
            [{"of_account": row.account_id, "of_invoice": row.invoice_id} for row in rows],
        )
        carry_out(self._connection, _FORGET_SEEN, [{"of_invoice": one} for one in invoice_ids])

    def _known(self, invoice_ids: Sequence[str]) -> list[_Known]:
        if self._connection.dialect.name == "sqlite":
            # Nothing is on the way to a server.
            found = [answers(self._connection, _KNOWN_ONE, {"of_invoice": one}) for one in invoice_ids]
            return [_Known(*row) for rows in found for row in rows]
        return [
            _Known(*row)
            for chunk in chunks(invoice_ids)
            for row in self._connection.execute(_KNOWN_ALL, {"of_invoices": chunk})
        ]

    def _forget_words(self, rows: Sequence[_Known], but: Mapping[str, Sequence[str]]) -> None:
        """Those of the entries, but for some of each invoice."""
        keys = [
            {"of_account": row.account_id, "of_word": word, "of_invoice": row.invoice_id}
            for row in rows
            for word in set(row.words.split()) - set(but.get(row.invoice_id, ()))
        ]
        carry_out(self._connection, _FORGET_WORD, keys)

    def _add_words(self, words: Iterable[tuple[str, str, str]]) -> None:
        rows = [
            {"account_id": account_id, "word": word, "invoice_id": invoice_id}
            for account_id, word, invoice_id in words
        ]
        insert_rows(self._connection, table_of(InboxWordRow), rows)


def entry_values(invoice: Invoice, words: Sequence[str]) -> dict[str, Any]:
    """The row of an invoice in its company's inbox."""
    terms = invoice.reading.terms if invoice.reading else None
    total = (terms.total_with_vat or terms.amount_due) if terms else None
    return {
        "account_id": invoice.account_id,
        "received_at": invoice.received_at,
        "invoice_id": invoice.id,
        "state": invoice.state,
        "environment": invoice.environment,
        "invoice_number": invoice.invoice_number,
        "issue_date": invoice.issue_date or "",
        "seller_name": terms.seller.name if terms else None,
        "seller_key": inbox_words.sort_key(terms.seller.name if terms else None),
        "total": total,
        "total_key": inbox_words.cents(total),
        "currency": terms.currency if terms else None,
        "warnings": len(invoice.reading.warnings) if invoice.reading else 0,
        "words": _joined(words),
    }


def _words(invoice: Invoice, subject: str | None) -> list[str]:
    if invoice.reading is None:
        return inbox_words.words_of(number=invoice.invoice_number, total=None, texts=())
    return _words_of_reading(invoice.reading, subject)


def _words_of_reading(reading: InvoiceReading, subject: str | None) -> list[str]:
    terms = reading.terms
    return inbox_words.words_of(
        number=terms.invoice_number,
        total=terms.total_with_vat or terms.amount_due,
        texts=(
            terms.seller.name,
            terms.seller.vat_id,
            terms.buyer_reference,
            terms.order_reference,
            inbox_words.document_words(reading.document.name),
            subject,
        ),
    )


def _joined(words: Sequence[str]) -> str:
    """With a space before each, so that the beginning of a word is found by LIKE."""
    return "".join(f" {word}" for word in words)
