"""Reads the attributes of XCLIENT, by which a mail server names its own client (Postfix, XCLIENT_README)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_NAMES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")
XCLIENT_KEYWORD = f"XCLIENT {' '.join(_NAMES)}"

_UNKNOWN = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})
_ATTRIBUTE = re.compile(r"([A-Za-z]+)=([!-~]+)")
_HEX = re.compile(r"\+([0-9A-Fa-f]{2})")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})+")  # RFC 3461 4
_PRINTABLE = re.compile(r"[ -~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class XclientClaims:
    """What the mail server says of its client; None is what it does not say, or does not know."""

    peer: str | None = None  # IP address
    helo: str | None = None
    extended: bool | None = None  # greeted with EHLO
    login: str | None = None


def parse_xclient(argument: str) -> XclientClaims | None:
    """Read what follows "XCLIENT"; None when it is not well-formed."""
    values: dict[str, str | None] = {}
    for word in argument.split():
        found = _ATTRIBUTE.fullmatch(word)
        if found is None or found[1].upper() not in _NAMES or found[1].upper() in values:
            return None
        value = None if found[2].upper() in _UNKNOWN else _decoded(found[2])
        if value == "":
            return None
        values[found[1].upper()] = value
    if not values:
        return None
    try:
        return XclientClaims(
            peer=_address(values.get("ADDR")),
            helo=values.get("HELO"),
            extended=_extended(values.get("PROTO")),
            login=values.get("LOGIN"),
        )
    except ValueError:
        return None


def _decoded(xtext: str) -> str:
    """The text behind an xtext; empty when it is none, or holds anything but printable ASCII."""
    if not _XTEXT.fullmatch(xtext):
        return ""
    text = _HEX.sub(lambda octet: chr(int(octet[1], 16)), xtext)
    return text if _PRINTABLE.fullmatch(text) else ""


def _address(value: str | None) -> str | None:
    if value is None:
        return None
    if value.upper().startswith("IPV6:"):
        return str(ipaddress.IPv6Address(value[5:]))
    return str(ipaddress.IPv4Address(value))


def _extended(value: str | None) -> bool | None:
    if value is None:
        return None
    if value.upper() not in {"SMTP", "ESMTP"}:
        raise ValueError(value)
    return value.upper() == "ESMTP"
