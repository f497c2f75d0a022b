"""A mail as it comes in, and as it is on record (RFC 5321, RFC 5322)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from storage.records.invoices import Assignment
from storage.records.reading import Message
from storage.records.senders import SenderAuthentication

CHUNK_OCTETS = 256 * 1024  # of a mail that are handled, and stored, in one piece


class MailState(StrEnum):
    """Where a received mail stands on its way."""

    RECEIVED = "received"
    CLAIMED = "claimed"
    FILED = "filed"
    QUARANTINED = "quarantined"
    DELETED = "deleted"


class Outcome(StrEnum):
    """What became of a mail."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    NO_INVOICE = "no-invoice"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What was said before DATA (RFC 5321 2.3.1)."""

    reverse_path: str  # RFC 5321 4.1.1.2; empty for notifications (4.5.5)
    forward_paths: tuple[str, ...]  # RFC 5321 4.1.1.3, in the order given
    peer: str | None  # IP address of the relay; None for a replayed file
    helo: str | None
    tls: bool
    received_at: datetime  # UTC


class MailContent(Protocol):
    """What came after DATA, dot-unstuffed, otherwise untouched; wherever it is kept until it is stored."""

    @property
    def size(self) -> int:
        """Its octets."""

    def chunks(self) -> Iterator[bytes]:
        """All of it from the beginning, CHUNK_OCTETS at a time; may be called again."""

    def pieces(self) -> Iterable[bytes]:
        """The same as it lies there, in pieces of any size, without a copy where that can be."""


@dataclass(frozen=True, slots=True)
class ContentInMemory:
    """The content of a mail that is small, or was read from a file as a whole."""

    octets: bytes

    @property
    def size(self) -> int:
        """Its octets."""
        return len(self.octets)

    def chunks(self) -> Iterator[bytes]:
        """All of it, in pieces of at most CHUNK_OCTETS; an empty mail is one empty piece."""
        if len(self.octets) <= CHUNK_OCTETS:
            yield self.octets
            return
        for start in range(0, len(self.octets), CHUNK_OCTETS):
            yield self.octets[start : start + CHUNK_OCTETS]

    def pieces(self) -> Iterable[bytes]:
        """All of it."""
        return [self.octets]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMail:
    """A whole mail, ready to be made durable."""

    id: str
    envelope: Envelope
    trace: bytes  # our Received field (RFC 5321 4.4), CRLF included; empty for a replayed file
    content: MailContent
    transfer_digest: bytes  # SHA-256; equal for two transfers of the same mail
    remarks: dict[str, str] = field(default_factory=dict)  # what was odd at receipt, for the history

    @property
    def octets(self) -> bytes:
        """The content as a whole; for mails that may be large, take its chunks."""
        return b"".join(self.content.chunks())


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The store's answer: the mail is durable under this id."""

    mail_id: str
    duplicate: bool  # True when an earlier transfer had stored it; mail_id is then that one's


@dataclass(frozen=True, slots=True, kw_only=True)
class FreedBlob:
    """Octets outside the database that belong to no mail any more."""

    key: str
    place: str  # URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a look into the queue found."""

    due: int  # mails that can be claimed, counted up to as many as were asked for
    oldest: str | None  # its id
    since: datetime | None  # when the oldest was received
    at_work: bool  # whether some more are being filed; asked only where few are due


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """A mail on record, without its octets."""

    id: str
    received_at: datetime
    state: MailState
    outcome: Outcome | None
    reason: str | None
    envelope: Envelope
    size: int  # octets
    failures: int
    message_id: str | None
    message: Message | None  # None until it is read, and once deleted
    expires_at: datetime | None
    deleted_at: datetime | None
    authentication: SenderAuthentication | None = None  # None until it is checked, and once deleted
    assignment: Assignment | None = None  # by an operator, when the mail was taken out of quarantine
