"""Reads the parameters of MAIL and RCPT.

SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH (RFC 4954 5), and of DSN (RFC 3461) RET, ENVID, NOTIFY,
ORCPT. Those of DSN are accepted, but DSN is not offered: who offers it must report each delivery, and the relay that
does not see the offer reports for us (RFC 3461 4.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.receiving.replies import Reply

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")
_XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})"  # RFC 3461 4

_OF_MAIL = {
    "SIZE": re.compile(r"[0-9]{1,20}"),
    "BODY": re.compile(r"7BIT|8BITMIME", re.IGNORECASE),
    "SMTPUTF8": re.compile(""),
    "AUTH": re.compile(rf"<>|{_XTEXT}{{1,500}}"),
    "RET": re.compile(r"FULL|HDRS", re.IGNORECASE),
    "ENVID": re.compile(rf"{_XTEXT}{{1,100}}"),
}
_OF_RCPT = {
    "NOTIFY": re.compile(
        r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2}", re.IGNORECASE
    ),
    "ORCPT": re.compile(rf"[A-Za-z0-9-]{{1,64}};{_XTEXT}{{1,500}}"),
}


@dataclass(frozen=True, slots=True)
class MailParameters:
    """What the client says of the mail it is going to send."""

    size: int = 0  # octets as announced, 0 when not
    smtputf8: bool = False


def parse_mail_parameters(text: str) -> MailParameters | Reply:
    """Read the parameters of MAIL FROM; a Reply says why they cannot be taken (RFC 5321 4.1.1.11)."""
    if not text:
        return MailParameters()
    values = _values(text, _OF_MAIL)
    if isinstance(values, Reply):
        return values
    return MailParameters(size=int(values.get("SIZE") or "0"), smtputf8="SMTPUTF8" in values)


def parse_recipient_parameters(text: str) -> Reply | None:
    """Read the parameters of RCPT TO; a Reply says why they cannot be taken."""
    values = _values(text, _OF_RCPT)
    return values if isinstance(values, Reply) else None


def _values(text: str, known: dict[str, re.Pattern[str]]) -> dict[str, str] | Reply:
    values: dict[str, str] = {}
    for word in text.split():
        found = _PARAMETER.fullmatch(word)
        if found is None or found[1].upper() in values:
            return Reply.PARAMETER_SYNTAX
        values[found[1].upper()] = found[2] or ""
    if not values.keys() <= known.keys():
        return Reply.UNKNOWN_PARAMETER
    if not all(known[name].fullmatch(value) for name, value in values.items()):
        return Reply.PARAMETER_SYNTAX
    return values
