"""What happened to mails and invoices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, where_set


class HistoryEventRow(Base):
    """What happened to a mail or an invoice; triggers refuse every change."""

    __tablename__ = "history_event"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    mail_id: Mapped[str | None] = mapped_column(Id, index=True)
    invoice_id: Mapped[str | None] = mapped_column(Id)
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str]
    detail: Mapped[dict[str, Any]]

    __table_args__ = (where_set("ix_history_event_invoice_id", "invoice_id"),)
