"""Contracting partners, what is known of them, and what was odd about their invoices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id


class PartnerRow(Base):
    """A contracting partner: a company that sends invoices."""

    __tablename__ = "contracting_partner"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    trust: Mapped[str] = mapped_column(String(16))
    environment: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    first_seen: Mapped[datetime | None]
    last_seen: Mapped[datetime | None]
    origin: Mapped[str] = mapped_column(String(16), server_default=text("'operator'"))
    invoices: Mapped[int] = mapped_column(server_default=text("0"))


class PartnerTraitRow(Base):
    """Something that came with a partner's invoices, and may come with another's, too."""

    __tablename__ = "partner_trait"

    partner_id: Mapped[str] = mapped_column(ForeignKey("contracting_partner.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    accepted: Mapped[bool]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class SenderWarningRow(Base):
    """A warning about the sender of an invoice."""

    __tablename__ = "sender_warning"

    invoice_id: Mapped[str] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    position: Mapped[int]  # among those of its invoice, from 0
    text: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class SecondLookRow(Base):
    """That the first of two people found an invoice right that waits for both."""

    __tablename__ = "second_look"

    invoice_id: Mapped[str] = mapped_column(Id, primary_key=True)
    approved_by: Mapped[str] = mapped_column(Id)  # a user's id
    approved_at: Mapped[datetime]


class PartnerKeyRow(Base):
    """One key by which a partner is found."""

    __tablename__ = "partner_key"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("contracting_partner.id"), index=True)
