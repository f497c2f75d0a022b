"""People of the portal: how they come in, where they belong, what operators did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, Id


class RegistrationLinkRow(Base):
    """An invitation; `token_digest` is the SHA-256 of its token, which is not kept."""

    __tablename__ = "registration_link"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("company_account.id"), index=True)
    email: Mapped[str]
    token_digest: Mapped[bytes] = mapped_column(unique=True)
    newest: Mapped[bool]  # of its address
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        # Holds "one live link per invited address" also against two workers at once.
        Index(
            "uq_registration_link_email",
            "email",
            unique=True,
            sqlite_where=text("newest"),
            postgresql_where=text("newest"),
        ),
    )


class PortalUserRow(Base):
    """A person who signs in to the portal."""

    __tablename__ = "portal_user"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    address: Mapped[str] = mapped_column(unique=True)  # the e-mail address in its normal form
    email: Mapped[str]  # as it was entered
    name: Mapped[str]
    language: Mapped[str] = mapped_column(String(8))
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class MembershipRow(Base):
    """A person's standing with a company."""

    __tablename__ = "membership"

    account_id: Mapped[str] = mapped_column(ForeignKey("company_account.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("portal_user.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    notify: Mapped[bool]
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    reason: Mapped[str | None]


class OperatorRow(Base):
    """A person who runs this mailbox, and may use the operator's pages."""

    __tablename__ = "portal_operator"

    user_id: Mapped[str] = mapped_column(ForeignKey("portal_user.id"), primary_key=True)
    since: Mapped[datetime]
    given_by: Mapped[str]


class ActRow(Base):
    """What somebody decided that is no single mail's or invoice's history; triggers refuse every change."""

    __tablename__ = "act"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[datetime]
    actor: Mapped[str]
    name: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(
        Id, index=True
    )  # of an account, a partner, a user or an outbound mail
    detail: Mapped[dict[str, Any]]


class PortalSessionRow(Base):
    """A browser that is signed in; `token_digest` is the SHA-256 of its cookie."""

    __tablename__ = "portal_session"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    token_digest: Mapped[bytes] = mapped_column(unique=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("portal_user.id"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AuthenticatorRow(Base):
    """An app that shows one-time passwords of a person."""

    __tablename__ = "authenticator"

    user_id: Mapped[str] = mapped_column(ForeignKey("portal_user.id"), primary_key=True)
    secret_id: Mapped[str] = mapped_column(Id)  # its secret is made of it, and of a key outside the database
    secret_digest: Mapped[bytes]
    set_at: Mapped[datetime]
    last_step: Mapped[int] = mapped_column(BigInteger)  # of the last one-time password (RFC 6238 5.2)


class PasskeyRow(Base):
    """The public half of a key by which a person signs in."""

    __tablename__ = "passkey"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("portal_user.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    added_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RecoveryCodeRow(Base):
    """A code for somebody who lost the rest; gone once it is used."""

    __tablename__ = "recovery_code"

    user_id: Mapped[str] = mapped_column(ForeignKey("portal_user.id"), primary_key=True)
    code_digest: Mapped[bytes] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]


class OneTimeCodeRow(Base):
    """A code sent to a mailbox; `flow_digest` is the SHA-256 of what the browser that asked for it holds."""

    __tablename__ = "one_time_code"

    flow_digest: Mapped[bytes] = mapped_column(primary_key=True)
    email: Mapped[str]
    purpose: Mapped[str] = mapped_column(String(16))
    code_digest: Mapped[bytes | None]
    context: Mapped[dict[str, Any]]
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ThrottleRow(Base):
    """How often something was tried lately; stored, so that it counts for all processes and after a restart."""

    __tablename__ = "throttle"

    key: Mapped[bytes] = mapped_column(primary_key=True)  # SHA-256: no address or peer is kept
    began_at: Mapped[datetime] = mapped_column(index=True)  # of the period that is counted
    tries: Mapped[int]
