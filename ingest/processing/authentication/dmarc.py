"""DMARC: whether SPF or DKIM speak for the domain that people see in From (RFC 7489), and what that domain wants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.processing.authentication.lookups import Lookups
from storage.companies.public_suffixes import organizational_domain
from storage.records.senders import AuthenticationResult


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcRecord:
    """What a domain publishes at _dmarc."""

    policy: str  # of the domain asked for: none, quarantine, reject
    strict_dkim: bool
    strict_spf: bool


def dmarc_record(lookups: Lookups, domain: str) -> DmarcRecord | None:
    """The record that holds for a From domain: its own, else its organizational domain's. Raises LookupTrouble."""
    own = _record(lookups, domain)
    if own is not None:
        return _read(own, "p")
    above = organizational_domain(domain)
    found = _record(lookups, above) if above != domain else None
    return _read(found, "sp" if "sp" in found else "p") if found is not None else None


def _record(lookups: Lookups, domain: str) -> dict[str, str] | None:
    texts = [text.decode("ascii", "replace") for text in lookups.texts(f"_dmarc.{domain}")]
    records = [tags for text in texts if (tags := _tags(text))]
    return records[0] if len(records) == 1 else None  # RFC 7489 6.6.3: several are none


def _tags(text: str) -> dict[str, str]:
    pairs = [
        (key.strip().lower(), value.strip())
        for key, _, value in (one.partition("=") for one in text.split(";"))
    ]
    return dict(pairs) if pairs[0] == ("v", "DMARC1") else {}


def _read(tags: dict[str, str], policy: str) -> DmarcRecord | None:
    wanted = tags.get(policy, "none" if "rua" in tags else "").lower()
    if wanted not in ("none", "quarantine", "reject"):
        return None
    return DmarcRecord(
        policy=wanted,
        strict_dkim=tags.get("adkim", "r").lower() == "s",
        strict_spf=tags.get("aspf", "r").lower() == "s",
    )


def aligned(domain: str | None, from_domain: str, *, strict: bool) -> bool:
    """Whether a domain speaks for the From domain (RFC 7489 3.1)."""
    if domain is None:
        return False
    if strict:
        return domain == from_domain
    return organizational_domain(domain) == organizational_domain(from_domain)


def check_dmarc(
    record: DmarcRecord | None, from_domain: str, results: Iterable[AuthenticationResult]
) -> AuthenticationResult:
    """The result for SPF and DKIM results that were found before."""
    if record is None:
        return AuthenticationResult(method="dmarc", result="none", domain=from_domain, detail="no record")
    strict = {"spf": record.strict_spf, "dkim": record.strict_dkim}
    relevant = [one for one in results if one.method in strict]
    speaking = [one for one in relevant if aligned(one.domain, from_domain, strict=strict[one.method])]
    policy = f"policy {record.policy}"
    if any(one.result == "pass" for one in speaking):
        return AuthenticationResult(method="dmarc", result="pass", domain=from_domain, detail=policy)
    trouble = any(one.result == "temperror" for one in speaking)
    return AuthenticationResult(
        method="dmarc", result="temperror" if trouble else "fail", domain=from_domain, detail=policy
    )
