"""The header fields of a mail that tell of its way and its sender, as they stand and within bounds (RFC 5322 2.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_HEADER_OCTETS = 512 * 1024
MAX_FIELDS = 2000
MAX_VALUE = 16 * 1024
# RFC 5322 3.6: at most once each; a second one is shown by some programs, and signed by nobody.
ONCE = (
    "from",
    "subject",
    "date",
    "to",
    "cc",
    "reply-to",
    "sender",
    "message-id",
    "content-type",
    "mime-version",
)

_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HeaderFields:
    """Names in lower case and unfolded values, the topmost first."""

    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """The values of a field, the topmost first."""
        return [value for known, value in self.fields if known == name]

    def count(self, name: str) -> int:
        """How often a field occurs."""
        return sum(known == name for known, _ in self.fields)

    def repeated(self) -> list[str]:
        """Fields that occur more often than they may."""
        return [name for name in ONCE if self.count(name) > 1]


def header_fields(octets: bytes) -> HeaderFields:
    """The fields of a mail's header. Never raises."""
    end = _END.search(octets, 0, MAX_HEADER_OCTETS)
    header = octets[: end.start() if end else MAX_HEADER_OCTETS]
    found: list[tuple[str, str]] = []
    for match in _FIELD.finditer(header):
        if len(found) >= MAX_FIELDS:
            break
        found.append((match[1].decode("ascii").lower(), _unfolded(match[2])))
    return HeaderFields(tuple(found))


def _unfolded(value: bytes) -> str:
    return " ".join(value[:MAX_VALUE].decode("utf-8", "replace").split())


_ADDRESS_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]+)\]")
MAX_HOPS_KEPT = 15
_MAX_HOP = 200


def hops(fields: HeaderFields) -> Sequence[str]:
    """The trace fields (RFC 5321 4.4), ours left out, the last hop first."""
    return [value[:_MAX_HOP] for value in fields.all("received")[:MAX_HOPS_KEPT]]


def client_of_hop(hop: str) -> str | None:
    """The IP address that a Received field names behind "from": what its writer saw of its peer."""
    before_by = re.split(r"\sby\s", hop, maxsplit=1)[0]
    match = _ADDRESS_LITERAL.search(before_by) or re.search(
        r"\(([0-9A-Fa-f:]+:[0-9A-Fa-f:.]+|[0-9.]+)\)", before_by
    )
    return match[1] if match else None
