"""Programs of companies: their tokens, and what calls them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id, where_set


class ApiTokenRow(Base):
    """A secret by which a program of a company asks for its invoices; only its SHA-256 is kept."""

    __tablename__ = "api_token"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("company_account.id"), index=True)
    name: Mapped[str]  # what it is for, in the words of who made it
    token_digest: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class WebhookRow(Base):
    """An address at which a program of a company is told what happens to its invoices."""

    __tablename__ = "webhook"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("company_account.id"), index=True)
    url: Mapped[str]
    events: Mapped[list[Any]]  # those it wants
    secret_id: Mapped[str] = mapped_column(Id)  # its secret is made of it, and of a key outside the database
    secret_digest: Mapped[bytes]
    former_secret_id: Mapped[str | None] = mapped_column(Id)
    former_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    failures: Mapped[int]  # in a row
    failing_since: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]


class WebhookDeliveryRow(Base):
    """One call of a webhook; holds ids only, for what it says is made when it is sent."""

    __tablename__ = "webhook_delivery"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhook.id"))
    account_id: Mapped[str] = mapped_column(Id)
    event: Mapped[str] = mapped_column(String(32))
    invoice_id: Mapped[str | None] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    not_before: Mapped[datetime | None]  # the next try, after a failure
    created_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
    status: Mapped[int | None]
    reply: Mapped[str | None]

    __table_args__ = (
        Index(
            "ix_webhook_delivery_queue",
            "webhook_id",
            "not_before",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("ix_webhook_delivery_webhook_id", "webhook_id", "id"),
        where_set("ix_webhook_delivery_invoice_id", "invoice_id"),
        Index("ix_webhook_delivery_created_at", "created_at"),
    )
