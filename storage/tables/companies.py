"""Company accounts, what they are found by, and what they claim."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id


class CompanyAccountRow(Base):
    """A recipient company."""

    __tablename__ = "company_account"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str]
    status: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    invited_at: Mapped[datetime | None]
    registered_at: Mapped[datetime | None]
    warning_policy: Mapped[str] = mapped_column(String(16), server_default=text("'note'"))


class AccountKeyRow(Base):
    """One key by which an account is found; a key belongs to one account only."""

    __tablename__ = "account_key"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("company_account.id"), index=True)
    shown: Mapped[str]  # as it was entered
    proven_by: Mapped[str | None]  # None: whoever made the account
    proven_at: Mapped[datetime | None]


class AccountClaimRow(Base):
    """A key that an account claims and has not proven; several accounts may claim the same."""

    __tablename__ = "account_claim"

    account_id: Mapped[str] = mapped_column(ForeignKey("company_account.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    shown: Mapped[str]
    token: Mapped[str]
    code_digest: Mapped[bytes]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class JoiningDomainRow(Base):
    """A mail domain whose people a company lets join without asking."""

    __tablename__ = "joining_domain"

    account_id: Mapped[str] = mapped_column(ForeignKey("company_account.id"), primary_key=True)
    domain: Mapped[str] = mapped_column(primary_key=True)  # in its normal form
    added_at: Mapped[datetime]
    added_by: Mapped[str]
