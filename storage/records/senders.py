"""Whether a mail comes from whom it says (SPF, DKIM, DMARC, ARC)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SenderStatus(StrEnum):
    """Whether it is proven that a mail comes from the domain in its From field.

    authenticated      it is
    failed             that domain wants all its mail proven, and this one is not
    not-authenticated  nothing proves it, which is all that can be said
    temperror          the DNS gave no answer; it is checked again later
    """

    AUTHENTICATED = "authenticated"
    FAILED = "failed"
    NOT_AUTHENTICATED = "not-authenticated"
    TEMPERROR = "temperror"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationResult:
    """What one method found (RFC 8601 2.7)."""

    method: str  # spf, dkim, dmarc, arc
    result: str  # none, pass, fail, softfail, neutral, policy, temperror, permerror
    domain: str | None  # smtp.mailfrom, header.d, header.from, or the sealer
    detail: str  # in words, or empty
    selector: str | None = None  # of a DKIM signature


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderAuthentication:
    """Who really sent a mail, as far as that can be found out."""

    status: SenderStatus
    domain: str | None  # organizational domain that is proven; None for all but `authenticated`
    from_domain: str | None  # None when there is not exactly one From address
    reason: str  # one sentence
    results: tuple[AuthenticationResult, ...]
    relay_results: tuple[AuthenticationResult, ...]  # what our own relay wrote
    client: str | None  # IP address that SPF was asked about
    hops: tuple[str, ...]  # Received fields, the last hop first
    checked_at: datetime
    checks: int = 1  # how often it was checked
