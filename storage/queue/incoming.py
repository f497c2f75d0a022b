"""What every dialect writes of incoming mails, and what it answers; each dialect has a file of its own.

Written out, many rows a statement, and straight to the driver: while a batch commits the sessions of the same
process go on, and each statement waits once for the interpreter's lock. Names are those of tables.py; a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from storage.blobs.octet_log import Extent
from storage.records.history import HistoryEventName
from storage.records.mails import IncomingMail, MailState, Receipt

MAIL_COLUMNS = (
    *("id", "received_at", "state", "reverse_path", "forward_paths", "peer", "helo", "tls", "trace"),
    *("size", "transfer_digest", "lane"),
)
EVENT_COLUMNS = ("mail_id", "at", "event", "actor", "detail")

_LANE_CHARACTERS = 255  # a domain has no more (RFC 5321 4.5.3.1.2)


class Incoming(Protocol):
    """A connection that only takes mails in."""

    @property
    def lost(self) -> bool:
        """True when the connection is broken."""

    def add(self, mails: Sequence[IncomingMail], places: Mapping[str, Extent]) -> list[Receipt]:
        """Queues mails in one transaction; `places` says, by mail, whose octets lie in the log.

        Raises DRIVER_ERRORS.
        """

    def close(self) -> None:
        """Closes the connection."""


def receipts_of(mails: Sequence[IncomingMail], stored: dict[bytes, str]) -> list[Receipt]:
    """Each transfer belongs to the mail that it came with first."""
    receipts = []
    for mail in mails:
        first = stored.setdefault(mail.transfer_digest, mail.id)
        receipts.append(Receipt(mail_id=first, duplicate=first != mail.id))
    return receipts


def mail_values(mail: IncomingMail) -> tuple[Any, ...]:
    """The values of MAIL_COLUMNS: the time, the digest, the trace and the forward-paths as they are."""
    envelope = mail.envelope
    return (
        mail.id,
        envelope.received_at,
        MailState.RECEIVED.value,
        _storable(envelope.reverse_path),
        [_storable(path) for path in envelope.forward_paths],
        envelope.peer,
        _storable(envelope.helo),
        envelope.tls,
        mail.trace,
        mail.content.size,
        mail.transfer_digest,
        (_storable(envelope.reverse_path) or "").rpartition("@")[2].lower()[:_LANE_CHARACTERS],
    )


def event_values(mail: IncomingMail, receipt: Receipt) -> tuple[Any, ...]:
    """The values of EVENT_COLUMNS: the time and the detail as they are."""
    event = HistoryEventName.RECEIVED_AGAIN if receipt.duplicate else HistoryEventName.RECEIVED
    peer = mail.envelope.peer
    detail = {"size": str(mail.content.size), "peer": peer or "a file", **mail.remarks}
    return receipt.mail_id, mail.envelope.received_at, event.value, "smtp" if peer else "replay", detail


def _storable(text: str | None) -> str | None:
    # PostgreSQL takes no NUL, and neither engine a lone surrogate.
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
