"""Which part of a domain somebody registered, by the public suffix list."""

from __future__ import annotations

from functools import cache

from publicsuffixlist import PublicSuffixList


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def organizational_domain(domain: str) -> str:
    """The part of a domain that somebody registered (RFC 7489 3.2); a public suffix is its own."""
    found: str | None = _suffixes().privatesuffix(domain.lower().rstrip("."))
    return found or domain.lower().rstrip(".")


def is_public_suffix(domain: str) -> bool:
    """Whether anybody can register names below it, as below "de" and "co.uk"; unknown top-level domains are, too."""
    return _suffixes().privatesuffix(domain.lower().rstrip(".")) is None
