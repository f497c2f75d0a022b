"""Reads the paths of MAIL and RCPT strictly by the grammar (RFC 5321 4.1.2, RFC 6531 3.3)."""

from __future__ import annotations

import functools
import ipaddress
import re
import unicodedata
from dataclasses import dataclass

# Possessive quantifiers (*+, ++) keep every expression here linear in the length of what it reads.
_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"  # "_" is outside RFC 5321, but real senders have it
_UTF8 = "\u00a0-\U0010ffff"  # RFC 6531; what may not be in an address is refused by category below
_UTF8_LABEL = rf"[A-Za-z0-9_{_UTF8}](?:[A-Za-z0-9_{_UTF8}-]*[A-Za-z0-9_{_UTF8}])?"
_QUOTED = r'"(?:[^"\\]|\\.)*+"'

_PLAIN_PATH = re.compile(rf"<([{_ATEXT}]++(?:\.[{_ATEXT}]++)*+)@({_LABEL}(?:\.{_LABEL})*)>(?: +(.*))?")
_ANY_PATH = re.compile(rf'<((?:[^"<>]|{_QUOTED})*+)>(?: +(.*))?', re.DOTALL)
_SOURCE_ROUTE = re.compile(r"@(?:\[[^\]]*+\]|[^\[\],:@]++)(?:,@(?:\[[^\]]*+\]|[^\[\],:@]++))*+:")
_DOT_STRING = re.compile(rf"[{_ATEXT}{_UTF8}]++(?:\.[{_ATEXT}{_UTF8}]++)*+")
_QUOTED_STRING = re.compile(rf'"(?:[ !#-\[\]-~{_UTF8}]|\\[ -~])*+"')
_DOMAIN = re.compile(rf"{_UTF8_LABEL}(?:\.{_UTF8_LABEL})*")
_IPV6_LITERAL = re.compile(r"IPv6:(.+)", re.IGNORECASE)

_CONTROL_CATEGORIES = frozenset({"Cc", "Cs", "Cn", "Co", "Zl", "Zp"})
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# RFC 5321 4.5.3.1 names 64 as what everyone must take; bounce addresses of real senders are longer.
_MAX_LOCAL_PART_OCTETS = 256
_MAX_DOMAIN_OCTETS = 255


@dataclass(frozen=True, slots=True)
class Address:
    """A Mailbox (RFC 5321 4.1.2) as written; both parts empty for the null reverse-path."""

    local_part: str  # with its quotes where it is a quoted string
    domain: str  # or an address literal with its brackets; empty for a bare Postmaster

    @property
    def text(self) -> str:
        """The address as it stands in the envelope."""
        return f"{self.local_part}@{self.domain}" if self.domain else self.local_part

    @property
    def domain_key(self) -> str:
        """The domain in the one form in which domains are compared."""
        return domain_key(self.domain)


@dataclass(frozen=True, slots=True)
class PathArgument:
    """What stands after FROM: or TO:, taken apart."""

    address: Address
    parameters: str  # the rest of the line, without spaces at its ends


@dataclass(frozen=True, slots=True)
class BadPath:
    """Why a path cannot be read; the reason is ours and quotes nothing of the path."""

    reason: str


NULL_REVERSE_PATH = Address("", "")


def parse_reverse_path(argument: str) -> PathArgument | BadPath:
    """Read what follows "MAIL FROM:" (RFC 5321 4.1.1.2); "<>" is the null reverse-path (4.5.5)."""
    plain = _plain(argument)
    if plain is not None:
        return plain
    found = _ANY_PATH.fullmatch(argument)
    if found is not None and not found[1]:
        return PathArgument(NULL_REVERSE_PATH, (found[2] or "").strip(" "))
    return _general(found)


def parse_forward_path(argument: str) -> PathArgument | BadPath:
    """Read what follows "RCPT TO:" (RFC 5321 4.1.1.3); Postmaster may stand without a domain (4.5.1)."""
    plain = _plain(argument)
    if plain is not None:
        return plain
    found = _ANY_PATH.fullmatch(argument)
    if found is not None and found[1].lower() == "postmaster":
        return PathArgument(Address(found[1], ""), (found[2] or "").strip(" "))
    return _general(found)


def domain_key(domain: str) -> str:
    """The form in which domains are compared: A-labels in lower case (RFC 5890 2.3.2.1).

    Not Python's own codec, for which "ß" is still "ss", and so another domain.
    """
    if domain.isascii():
        return domain.lower()
    normal = unicodedata.normalize("NFKC", domain.replace("\N{IDEOGRAPHIC FULL STOP}", "."))
    return ".".join(_a_label(label) for label in normal.lower().split("."))


def _a_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


@functools.lru_cache(maxsize=1024)  # the same mailboxes come again and again
def _plain(argument: str) -> PathArgument | None:
    """Nearly every path, read by one expression; None leaves the decision to the full grammar."""
    found = _PLAIN_PATH.fullmatch(argument)
    if found is None or len(found[1]) > _MAX_LOCAL_PART_OCTETS or not _sizes_fit(found[2]):
        return None
    return PathArgument(Address(found[1], found[2]), (found[3] or "").strip(" "))


def _general(found: re.Match[str] | None) -> PathArgument | BadPath:
    if found is None:
        return BadPath("not an address in angle brackets")
    mailbox = _SOURCE_ROUTE.sub("", found[1], count=1) if found[1].startswith("@") else found[1]
    address = _mailbox(mailbox)
    if isinstance(address, BadPath):
        return address
    return PathArgument(address, (found[2] or "").strip(" "))


def _mailbox(mailbox: str) -> Address | BadPath:
    if any(map(_is_forbidden, mailbox)):
        return BadPath("control character")
    local_part, at_sign, domain = _split(mailbox)
    if not at_sign:
        return BadPath("no domain")
    reason = _local_part_defect(local_part) or _domain_defect(domain)
    return BadPath(reason) if reason else Address(local_part, domain)


def _local_part_defect(local_part: str) -> str | None:
    if not (_DOT_STRING.fullmatch(local_part) or _QUOTED_STRING.fullmatch(local_part)):
        return "bad local part"
    return "local part too long" if len(local_part.encode()) > _MAX_LOCAL_PART_OCTETS else None


def _domain_defect(domain: str) -> str | None:
    if domain.startswith("["):
        return None if _is_address_literal(domain) else "bad address literal"
    if not _DOMAIN.fullmatch(domain):
        return "bad domain"
    return None if _sizes_fit(domain) else "domain too long"


def _split(mailbox: str) -> tuple[str, str, str]:
    """Split at the "@" after the local part; one inside a quoted string does not count."""
    quoted = re.match(_QUOTED, mailbox)
    if quoted is None:
        return mailbox.partition("@")
    rest = mailbox[quoted.end() :]
    return quoted[0], rest[:1] if rest.startswith("@") else "", rest[1:]


def _sizes_fit(domain: str) -> bool:
    return len(domain.encode()) <= _MAX_DOMAIN_OCTETS and all(
        len(label.encode()) <= 63 or not label.isascii() for label in domain.split(".")
    )


def _is_forbidden(sign: str) -> bool:
    if sign.isascii():
        return sign < " " or sign == "\x7f"
    category = unicodedata.category(sign)
    return category in _CONTROL_CATEGORIES or category == "Zs" or sign in _BIDI_CONTROLS


def _is_address_literal(domain: str) -> bool:
    """IPv4 and IPv6 literals (RFC 5321 4.1.3); no other kind has ever been registered."""
    if not domain.endswith("]") or "%" in domain:
        return False
    inside = domain[1:-1]
    sixth = _IPV6_LITERAL.fullmatch(inside)
    try:
        if sixth is not None:
            ipaddress.IPv6Address(sixth[1])
        else:
            ipaddress.IPv4Address(inside)
    except ValueError:
        return False
    return True
