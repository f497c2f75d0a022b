"""SPF: whether the domain of the envelope lets this client send for it (RFC 7208), by pyspf over our own look-ups."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import spf

from ingest.processing.authentication.lookups import Lookups, LookupTrouble
from storage.records.senders import AuthenticationResult

_SECONDS = 10

_lookups: ContextVar[Lookups] = ContextVar("lookups")
_trouble_is_no_match: ContextVar[bool] = ContextVar("trouble_is_no_match", default=False)


class _Query(spf.query):  # type: ignore[misc]  # pyspf has no types
    """One evaluation."""

    def validated_ptrs(self) -> Any:
        """The names of the client; those that cannot be looked up are passed over (RFC 7208 5.5)."""
        before = _trouble_is_no_match.set(True)
        try:
            return super().validated_ptrs()
        finally:
            _trouble_is_no_match.reset(before)


def check_spf(
    lookups: Lookups, client: str | None, reverse_path: str, helo: str | None
) -> AuthenticationResult:
    """The result for a client's IP address; an empty reverse-path is judged by the HELO name (RFC 7208 2.4)."""
    sender = reverse_path if "@" in reverse_path else f"postmaster@{helo or ''}"
    domain = sender.rpartition("@")[2].lower().rstrip(".")
    if client is None:
        return AuthenticationResult(
            method="spf", result="none", domain=domain, detail="the client is not known"
        )
    if not domain or "." not in domain:
        return AuthenticationResult(
            method="spf", result="none", domain=None, detail="there is no domain to ask"
        )
    spf.DNSLookup = _lookup  # its one door to the DNS
    _lookups.set(lookups)
    try:
        query = _Query(i=client, s=sender, h=helo or domain, timeout=_SECONDS, querytime=_SECONDS)
        result, _, explanation = query.check()
    except Exception as error:  # it promises nothing about what it raises
        return AuthenticationResult(
            method="spf", result="permerror", domain=domain, detail=type(error).__name__
        )
    return AuthenticationResult(method="spf", result=result, domain=domain, detail=str(explanation)[:200])


def _lookup(
    name: str, kind: str, _tcp: object = True, _timeout: float = 0
) -> list[tuple[tuple[str, str], Any]]:
    try:
        found = _lookups.get().records(name, kind)
    except LookupTrouble as error:
        if _trouble_is_no_match.get():
            return []
        raise spf.TempError(f"DNS {error}") from error
    return [((name, kind), _VALUES[kind](record)) for record in found if kind in _VALUES]


_VALUES: dict[str, Any] = {
    "A": lambda record: record.address,
    "AAAA": lambda record: record.address,
    "MX": lambda record: (record.preference, record.exchange.to_text(omit_final_dot=True)),
    "PTR": lambda record: record.target.to_text(omit_final_dot=True),
    "TXT": lambda record: record.strings,
}
