"""Legal holds, the ledger of deletions, and what guards both."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, where_set


class LegalHoldRow(Base):
    """An operator's word that something stays beyond its time; never deleted, changed once: when it is released."""

    __tablename__ = "legal_hold"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # of the subject
    subject_id: Mapped[str] = mapped_column(Id)  # of an invoice, a mail or an account
    reason: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]
    release_reason: Mapped[str | None]
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_legal_hold_subject_id",
            "subject_id",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
    )


class RetentionLedgerRow(Base):
    """What retention did; each entry is chained to the one before, and goes with the tombstones, oldest first."""

    __tablename__ = "retention_ledger"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
    )  # without gaps
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str | None] = mapped_column(Id)
    rule: Mapped[str]
    content_digest: Mapped[bytes | None]  # SHA-256 of what was deleted
    keep_until: Mapped[datetime]
    previous: Mapped[bytes]  # digest of the entry before
    digest: Mapped[bytes]  # SHA-256 of this entry, `previous` included

    __table_args__ = (where_set("ix_retention_ledger_subject_id", "subject_id"),)


class RetentionClockRow(Base):
    """One row: what the retention worker knows of time, and how much it has deleted so far."""

    __tablename__ = "retention_clock"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seen_at: Mapped[datetime | None]  # by the last run whose clock was right
    distrusted_at: Mapped[datetime | None]  # a newest record that an operator called wrong
    productive_deleted: Mapped[int] = mapped_column(BigInteger)
    test_deleted: Mapped[int] = mapped_column(BigInteger)
    mails_deleted: Mapped[int] = mapped_column(BigInteger)
    warned_until: Mapped[datetime | None]  # of the expiries that companies were told of by mail
    counted_at: Mapped[datetime | None]  # when all records were counted last; what came since is in the tally


class RetentionPermitRow(Base):
    """What opens the triggers within one transaction: another clock for a drill, or expiries that come nearer."""

    __tablename__ = "retention_permit"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    kind: Mapped[str] = mapped_column(String(16))
    as_if: Mapped[datetime | None]
    ledger_id: Mapped[int] = mapped_column(BigInteger)
