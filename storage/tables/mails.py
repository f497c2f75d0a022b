"""Received mails, and where their octets lie."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import BY_OCTETS, Base, Id, where_set


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
    lane: Mapped[str | None] = mapped_column(BY_OCTETS)  # of the queue: the domain of the reverse-path

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
        where_set("ix_received_mail_sender_check_at", "sender_check_at"),
        where_set("ix_received_mail_tombstone_until", "tombstone_until"),
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
