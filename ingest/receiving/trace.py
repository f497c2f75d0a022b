"""Builds our Received field, the trace of who handed us a mail (RFC 5321 4.4)."""

from __future__ import annotations

import re
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.records import Envelope

_NOT_HOST = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_HELO = 255


def received_field(
    envelope: Envelope, *, hostname: str, mail_id: str, extended: bool, smtputf8: bool = False
) -> bytes:
    """The Received field for a mail, folded, each line ended by CRLF.

    `extended` tells EHLO from HELO; it, TLS and `smtputf8` decide the protocol word (RFC 3848, RFC 6531 4.3).
    A recipient is named only where it is the only one, so that no recipient learns of another. Whatever the
    client said is cut and cleaned: it can add no field, no comment and no clause.
    """
    helo = _NOT_HOST.sub("?", (envelope.helo or "unknown")[:_MAX_HELO])
    lines = [
        f"Received: from {helo} ({_peer(envelope.peer)})",
        f"by {hostname} with {_protocol(envelope.tls, extended, smtputf8)}",
        f"id {mail_id}",
    ]
    if len(envelope.forward_paths) == 1:
        lines.append(f"for <{_CONTROL.sub('?', envelope.forward_paths[0])}>")
    text = "\r\n\t".join(lines) + f";\r\n\t{format_datetime(envelope.received_at)}\r\n"
    return text.encode("utf-8", "replace")


def _peer(peer: str | None) -> str:
    """The peer as an address literal (RFC 5321 4.1.3)."""
    if peer is None:
        return "local"
    return f"[IPv6:{peer}]" if ":" in peer else f"[{peer}]"


def _protocol(tls: bool, extended: bool, smtputf8: bool) -> str:
    if not extended:
        return "SMTP"
    return ("UTF8SMTP" if smtputf8 else "ESMTP") + ("S" if tls else "")
