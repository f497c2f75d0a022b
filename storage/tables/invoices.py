"""Invoices, and what the inbox is searched and sorted by."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import BY_OCTETS, Base, Id, where_set


class InvoiceRow(Base):
    """One invoice of one account; after deletion what remains is its tombstone."""

    __tablename__ = "invoice"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    mail_id: Mapped[str] = mapped_column(ForeignKey("received_mail.id"))
    position: Mapped[int]  # of the invoice among those of its mail, from 0
    account_id: Mapped[str] = mapped_column(ForeignKey("company_account.id"))
    matched_by: Mapped[str | None]
    environment: Mapped[str] = mapped_column(String(16))
    environment_reason: Mapped[str | None]
    state: Mapped[str] = mapped_column(String(16))
    received_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    invoice_number: Mapped[str | None]  # BT-1
    issue_date: Mapped[str | None] = mapped_column(Text)  # BT-2
    content: Mapped[dict[str, Any] | None]  # terms, attachments and warnings, as codec.py writes them
    evidence: Mapped[list[Any] | None]  # why it is this account's, as codec.py writes it
    same_invoice: Mapped[bytes | None]  # digest of seller, number and date
    duplicate_of: Mapped[str | None] = mapped_column(Id)
    deleted_at: Mapped[datetime | None]
    tombstone_until: Mapped[datetime | None]

    validation_status: Mapped[str | None] = mapped_column(String(20))  # None until it is validated
    validation: Mapped[dict[str, Any] | None]  # class, findings and rule sets, as codec.py writes them
    validated_at: Mapped[datetime | None]
    validation_tries: Mapped[int] = mapped_column(server_default=text("0"))
    validation_after: Mapped[datetime | None]  # who took it last has until then

    __table_args__ = (
        # Those that wait for validation; it stays small however many are on record.
        Index(
            "ix_invoice_unvalidated",
            "id",
            sqlite_where=text("validation_status IS NULL AND state = 'available'"),
            postgresql_where=text("validation_status IS NULL AND state = 'available'"),
        ),
        Index("uq_invoice_mail_id_position_account_id", "mail_id", "position", "account_id", unique=True),
        Index("ix_invoice_account_id_received_at", "account_id", "received_at"),
        Index("ix_invoice_account_id_invoice_number", "account_id", "invoice_number"),
        Index("ix_invoice_account_id_same_invoice", "account_id", "same_invoice"),
        Index(
            "ix_invoice_expires_at",
            "expires_at",
            "id",
            sqlite_where=text("state = 'available'"),
            postgresql_where=text("state = 'available'"),
        ),
        # What the inbox of a company warns of.
        Index(
            "ix_invoice_account_id_expires_at",
            "account_id",
            "expires_at",
            sqlite_where=text("state = 'available'"),
            postgresql_where=text("state = 'available'"),
        ),
        where_set("ix_invoice_tombstone_until", "tombstone_until"),
    )


class InboxEntryRow(Base):
    """An invoice as its company's inbox shows it; narrow, so that many are looked through quickly."""

    __tablename__ = "inbox_entry"

    account_id: Mapped[str] = mapped_column(Id, primary_key=True)
    invoice_id: Mapped[str] = mapped_column(Id, primary_key=True)
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    environment: Mapped[str] = mapped_column(String(16))
    invoice_number: Mapped[str | None]  # BT-1
    issue_date: Mapped[str]  # BT-2; empty when unknown
    seller_name: Mapped[str | None]  # BT-27
    seller_key: Mapped[str] = mapped_column(BY_OCTETS)  # the same without case and accents
    total: Mapped[str | None]  # BT-112, else BT-115, as written
    total_key: Mapped[int] = mapped_column(BigInteger)  # the same in hundredths
    currency: Mapped[str | None]  # BT-5
    warnings: Mapped[int]  # their number
    words: Mapped[str]  # those it is found by, a space before each
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None]  # a user's id
    note: Mapped[str | None]
    acknowledged_at: Mapped[datetime | None]  # by a program of the company
    second_look: Mapped[str | None] = mapped_column(String(16))  # whether somebody has to look first
    validation_status: Mapped[str | None] = mapped_column(String(20))  # None until it is validated

    __table_args__ = (
        # Those with errors, of which there are few.
        Index(
            "ix_inbox_entry_invalid",
            "account_id",
            "received_at",
            "invoice_id",
            sqlite_where=text("validation_status = 'invalid'"),
            postgresql_where=text("validation_status = 'invalid'"),
        ),
        Index("ix_inbox_entry_received", "account_id", "received_at", "invoice_id"),
        Index("ix_inbox_entry_issued", "account_id", "issue_date", "invoice_id"),
        Index("ix_inbox_entry_seller", "account_id", "seller_key", "invoice_id"),
        Index("ix_inbox_entry_total", "account_id", "total_key", "invoice_id"),
        # Those that wait for somebody; it stays small however many are on record.
        Index(
            "ix_inbox_entry_second_look",
            "account_id",
            "invoice_id",
            sqlite_where=text("second_look IN ('waiting', 'withheld', 'rejected')"),
            postgresql_where=text("second_look IN ('waiting', 'withheld', 'rejected')"),
        ),
        {"sqlite_with_rowid": False},
    )


class InboxWordRow(Base):
    """A word by which an invoice is found in its company's inbox."""

    __tablename__ = "inbox_word"

    account_id: Mapped[str] = mapped_column(Id, primary_key=True)
    word: Mapped[str] = mapped_column(BY_OCTETS, primary_key=True)
    invoice_id: Mapped[str] = mapped_column(Id, primary_key=True)

    __table_args__ = ({"sqlite_with_rowid": False},)


class InvoiceSeenRow(Base):
    """That a person has looked at an invoice."""

    __tablename__ = "invoice_seen"

    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    invoice_id: Mapped[str] = mapped_column(Id, primary_key=True, index=True)
    at: Mapped[datetime]  # the last time
