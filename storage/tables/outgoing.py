"""The mails that we send."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, where_set


class OutboundMailRow(Base):
    """A mail that we send."""

    __tablename__ = "outbound_mail"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    template: Mapped[str] = mapped_column(String(32))
    language: Mapped[str] = mapped_column(String(8))
    recipient: Mapped[str]
    account_id: Mapped[str | None] = mapped_column(Id)
    invoice_id: Mapped[str | None] = mapped_column(Id)
    mail_id: Mapped[str | None] = mapped_column(Id)
    context: Mapped[dict[str, Any] | None]
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    not_before: Mapped[datetime]
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    message_id: Mapped[str | None] = mapped_column(unique=True)
    last_reply: Mapped[str | None]

    __table_args__ = (
        Index(
            "ix_outbound_mail_queue",
            "not_before",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "ix_outbound_mail_held",
            "id",
            sqlite_where=text("state = 'held'"),
            postgresql_where=text("state = 'held'"),
        ),
        Index("ix_outbound_mail_recipient_sent_at", "recipient", "sent_at"),
        where_set("ix_outbound_mail_invoice_id", "invoice_id"),
        where_set("ix_outbound_mail_mail_id", "mail_id"),
        Index("ix_outbound_mail_created_at", "created_at"),
    )


class OutboundHoldRow(Base):
    """An account or a partner whose mails are held until an operator lets them go."""

    __tablename__ = "outbound_hold"

    subject_id: Mapped[str] = mapped_column(Id, primary_key=True)  # of a company account or a partner
    since: Mapped[datetime]
    by: Mapped[str]
