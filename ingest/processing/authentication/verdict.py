"""What the results of all methods mean together: whether the From domain is proven, and in words why or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.processing.authentication.dmarc import aligned
from storage.companies.public_suffixes import organizational_domain
from storage.records.senders import AuthenticationResult, SenderStatus


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the sender is who the From field says."""

    status: SenderStatus
    domain: str | None  # the organizational domain that is proven
    reason: str


def verdict(
    from_domain: str | None,
    own: Sequence[AuthenticationResult],
    relay: Sequence[AuthenticationResult],
    sealed: Sequence[AuthenticationResult],
) -> Verdict:
    """`own` we found ourselves, `relay` our relay told us, `sealed` a sealer that is trusted told in an ARC chain.

    `from_domain` is None unless the mail has exactly one From field with exactly one address.
    """
    if from_domain is None:
        return Verdict(SenderStatus.NOT_AUTHENTICATED, None, "it does not have exactly one From address")
    domain = organizational_domain(from_domain)
    if reason := _proof(from_domain, own):
        return Verdict(SenderStatus.AUTHENTICATED, domain, reason)
    if _told(from_domain, relay):
        return Verdict(SenderStatus.AUTHENTICATED, domain, "our relay found it authenticated")
    if _told(from_domain, sealed):
        return Verdict(SenderStatus.AUTHENTICATED, domain, "a trusted forwarder found it authenticated")
    if any(one.result == "temperror" for one in own):
        return Verdict(SenderStatus.TEMPERROR, None, "the DNS gave no answer; it will be checked again")
    if any(one.method == "dmarc" and one.result == "fail" and one.detail != "policy none" for one in own):
        return Verdict(
            SenderStatus.FAILED, None, f"{from_domain} says that its mail is signed, and this one is not"
        )
    return Verdict(SenderStatus.NOT_AUTHENTICATED, None, f"nothing proves that {from_domain} sent it")


def _proof(from_domain: str, own: Sequence[AuthenticationResult]) -> str | None:
    dmarc = next((one for one in own if one.method == "dmarc"), None)
    if dmarc is not None and dmarc.result not in ("pass", "none"):
        return None  # its own strictness counts
    for one in own:
        if (
            one.method in ("dkim", "spf")
            and one.result == "pass"
            and aligned(one.domain, from_domain, strict=False)
        ):
            return f"{one.method.upper()} of {one.domain} speaks for {from_domain}"
    return None


def _told(from_domain: str, told: Sequence[AuthenticationResult]) -> bool:
    dmarc = [one for one in told if one.method == "dmarc"]
    if dmarc:
        return any(one.result == "pass" and one.domain == from_domain for one in dmarc)
    return any(
        one.method == "dkim" and one.result == "pass" and aligned(one.domain, from_domain, strict=False)
        for one in told
    )
