"""Builds our Received field, the trace of who handed us a mail (RFC 5321 4.4)."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.records.mails import Envelope

_NOT_HOST = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_HELO = 255


def received_field(envelope: Envelope, *, hostname: str, mail_id: str, protocol: str) -> bytes:
    """The Received field for a mail, folded, each line ended by CRLF.

    `protocol` is the word for how it came, such as "ESMTPS" (RFC 3848, RFC 6531 4.3).
    A recipient is named only where it is the only one, so that no recipient learns of another. Whatever the
    client said is cut and cleaned: it can add no field, no comment and no clause.
    """
    helo = _NOT_HOST.sub("?", (envelope.helo or "unknown")[:_MAX_HELO])
    lines = [
        f"Received: from {helo} ({_peer(envelope.peer)})",
        f"by {hostname} with {protocol}",
        f"id {mail_id}",
    ]
    if len(envelope.forward_paths) == 1:
        lines.append(f"for <{_CONTROL.sub('?', envelope.forward_paths[0])}>")
    text = "\r\n\t".join(lines) + f";\r\n\t{_written(int(envelope.received_at.timestamp()))}\r\n"
    return text.encode("utf-8", "replace")


@functools.lru_cache(maxsize=4)
def _written(second: int) -> str:
    """The date-time of RFC 5322 3.3; many mails share a second."""
    return format_datetime(datetime.fromtimestamp(second, UTC))


def _peer(peer: str | None) -> str:
    """The peer as an address literal (RFC 5321 4.1.3)."""
    if peer is None:
        return "local"
    return f"[IPv6:{peer}]" if ":" in peer else f"[{peer}]"
