"""All table and column names; the migrations create what stands here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An instant; goes in and comes out with the time zone UTC, on SQLite too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses a naive time instead of guessing its zone. Raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002  -- the signature is SQLAlchemy's
    ) -> datetime | None:
        """The instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The catalogue of all tables."""

    metadata = MetaData(naming_convention=_CONVENTION)
    type_annotation_map = {  # noqa: RUF012  -- SQLAlchemy reads it from the class
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        bytes: LargeBinary(),
        str: Text(),
    }


Id = String(36)
# Sorted and compared by octets on both engines, so that an index finds what begins with something.
_BY_OCTETS = Text().with_variant(Text(collation="C"), "postgresql")


def _where_set(name: str, column: str) -> Index:
    """An index of the rows that have a value; the others, most of them, cost nothing."""
    condition = text(f"{column} IS NOT NULL")
    return Index(name, column, sqlite_where=condition, postgresql_where=condition)


class ReceivedMailRow(Base):
    """A mail that was answered 250: its envelope, its place in the queue, and what became of it."""

    __tablename__ = "received_mail"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str | None]
    reverse_path: Mapped[str | None]
    forward_paths: Mapped[list[Any] | None]
    peer: Mapped[str | None]
    helo: Mapped[str | None]
    tls: Mapped[bool]
    trace: Mapped[bytes | None]
    size: Mapped[int]  # octets after DATA
    transfer_digest: Mapped[bytes] = mapped_column(unique=True)

    failures: Mapped[int] = mapped_column(server_default=text("0"))
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    not_before: Mapped[datetime | None]  # the next try, after a failure
    lane: Mapped[str | None] = mapped_column(_BY_OCTETS)  # of the queue: the domain of the reverse-path

    message_id: Mapped[str | None]
    content: Mapped[dict[str, Any] | None]  # sender metadata and leaf parts, as codec.py writes them
    expires_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    tombstone_until: Mapped[datetime | None]
    assignment: Mapped[dict[str, Any] | None]  # whose its invoices are, as an operator decided
    authentication: Mapped[dict[str, Any] | None]  # who really sent it, as codec.py writes it
    sender_check_at: Mapped[datetime | None]  # when that is to be checked, or checked again

    __table_args__ = (
        # The queue stays small however many mails are filed.
        Index(
            "ix_received_mail_queue",
            "id",
            sqlite_where=text("state IN ('received', 'claimed')"),
            postgresql_where=text("state IN ('received', 'claimed')"),
        ),
        Index(
            "ix_received_mail_lane",
            "lane",
            "id",
            sqlite_where=text("state IN ('received', 'claimed')"),
            postgresql_where=text("state IN ('received', 'claimed')"),
        ),
        Index(
            "ix_received_mail_quarantine",
            "id",
            sqlite_where=text("state = 'quarantined'"),
            postgresql_where=text("state = 'quarantined'"),
        ),
        # Those that retention will have to look at; it goes through them in this order.
        Index(
            "ix_received_mail_expires_at",
            "expires_at",
            "id",
            sqlite_where=text("state IN ('filed', 'quarantined')"),
            postgresql_where=text("state IN ('filed', 'quarantined')"),
        ),
        _where_set("ix_received_mail_sender_check_at", "sender_check_at"),
        _where_set("ix_received_mail_tombstone_until", "tombstone_until"),
    )


class MailOctetsRow(Base):
    """A chunk of the octets of a mail; apart from its row so that the queue stays narrow.

    Without a foreign key: PostgreSQL would look the mail up again for each chunk.
    """

    __tablename__ = "mail_octets"

    mail_id: Mapped[str] = mapped_column(Id, primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)  # of the chunk in its mail, from 0
    octets: Mapped[bytes]


class OctetSegmentRow(Base):
    """A file of the log that holds the octets of large mails beside an SQLite database."""

    __tablename__ = "octet_segment"

    id: Mapped[str] = mapped_column(Id, primary_key=True)  # its name
    claims: Mapped[int]  # how often a process began to write to it


class MailExtentRow(Base):
    """Where in the log the octets of a mail lie; a place without a mail waits to be given back to the disk."""

    __tablename__ = "mail_extent"

    segment_id: Mapped[str] = mapped_column(ForeignKey("octet_segment.id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # octets
    size: Mapped[int] = mapped_column(BigInteger)  # octets
    mail_id: Mapped[str | None] = mapped_column(Id, unique=True)


class MailBlobRow(Base):
    """Where outside the database the octets of a filed mail lie; one without a mail waits to be deleted there."""

    __tablename__ = "mail_blob"

    key: Mapped[str] = mapped_column(Id, primary_key=True)  # the id of the mail, also when it is gone
    place: Mapped[str] = mapped_column(primary_key=True)  # its URL
    mail_id: Mapped[str | None] = mapped_column(Id, unique=True)
    size: Mapped[int] = mapped_column(BigInteger)  # octets
    sha256: Mapped[bytes]  # of the octets

    __table_args__ = (
        Index(
            "ix_mail_blob_freed",
            "key",
            sqlite_where=text("mail_id IS NULL"),
            postgresql_where=text("mail_id IS NULL"),
        ),
    )


class MailKeyRow(Base):
    """The key that the octets of a mail are encrypted with outside the database."""

    __tablename__ = "mail_key"

    mail_id: Mapped[str] = mapped_column(Id, primary_key=True)
    wrapped: Mapped[bytes]  # by the master key, which is not in the database


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
        _where_set("ix_invoice_tombstone_until", "tombstone_until"),
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
    seller_key: Mapped[str] = mapped_column(_BY_OCTETS)  # the same without case and accents
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
    word: Mapped[str] = mapped_column(_BY_OCTETS, primary_key=True)
    invoice_id: Mapped[str] = mapped_column(Id, primary_key=True)

    __table_args__ = ({"sqlite_with_rowid": False},)


class InvoiceSeenRow(Base):
    """That a person has looked at an invoice."""

    __tablename__ = "invoice_seen"

    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    invoice_id: Mapped[str] = mapped_column(Id, primary_key=True, index=True)
    at: Mapped[datetime]  # the last time


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
        _where_set("ix_webhook_delivery_invoice_id", "invoice_id"),
        Index("ix_webhook_delivery_created_at", "created_at"),
    )


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

    __table_args__ = (_where_set("ix_history_event_invoice_id", "invoice_id"),)


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


class JoiningDomainRow(Base):
    """A mail domain whose people a company lets join without asking."""

    __tablename__ = "joining_domain"

    account_id: Mapped[str] = mapped_column(ForeignKey("company_account.id"), primary_key=True)
    domain: Mapped[str] = mapped_column(primary_key=True)  # in its normal form
    added_at: Mapped[datetime]
    added_by: Mapped[str]


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
        _where_set("ix_outbound_mail_invoice_id", "invoice_id"),
        Index("ix_outbound_mail_created_at", "created_at"),
    )


class OutboundHoldRow(Base):
    """An account or a partner whose mails are held until an operator lets them go."""

    __tablename__ = "outbound_hold"

    subject_id: Mapped[str] = mapped_column(Id, primary_key=True)  # of a company account or a partner
    since: Mapped[datetime]
    by: Mapped[str]


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

    __table_args__ = (_where_set("ix_retention_ledger_subject_id", "subject_id"),)


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


class RetentionPermitRow(Base):
    """What opens the triggers within one transaction: another clock for a drill, or expiries that come nearer."""

    __tablename__ = "retention_permit"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    kind: Mapped[str] = mapped_column(String(16))
    as_if: Mapped[datetime | None]
    ledger_id: Mapped[int] = mapped_column(BigInteger)
