"""Reads the parameters of MAIL: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.receiving.replies import Reply

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")
_SIZE = re.compile(r"[0-9]{1,20}")
_BODIES = frozenset({"7BIT", "8BITMIME"})


@dataclass(frozen=True, slots=True)
class MailParameters:
    """What the client says of the mail it is going to send."""

    size: int = 0  # octets as announced, 0 when not
    smtputf8: bool = False


def parse_mail_parameters(text: str) -> MailParameters | Reply:
    """Read the parameters of MAIL FROM; a Reply says why they cannot be taken (RFC 5321 4.1.1.11)."""
    if not text:
        return MailParameters()
    values: dict[str, str | None] = {}
    for word in text.split():
        found = _PARAMETER.fullmatch(word)
        if found is None or found[1].upper() in values:
            return Reply.PARAMETER_SYNTAX
        values[found[1].upper()] = found[2]
    if not values.keys() <= {"SIZE", "BODY", "SMTPUTF8"}:
        return Reply.UNKNOWN_PARAMETER
    size = values.get("SIZE", "0") or ""
    body = values.get("BODY", "7BIT") or ""
    if not _SIZE.fullmatch(size) or body.upper() not in _BODIES or values.get("SMTPUTF8") is not None:
        return Reply.PARAMETER_SYNTAX
    return MailParameters(size=int(size), smtputf8="SMTPUTF8" in values)
