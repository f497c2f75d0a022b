"""Checks one mail: from its octets and its envelope to who really sent it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ingest.processing.authentication.authentication_results import authserv_id, read_results
from ingest.processing.authentication.dkim_signatures import check_arc, check_dkim
from ingest.processing.authentication.dmarc import check_dmarc, dmarc_record
from ingest.processing.authentication.header_fields import HeaderFields, client_of_hop, header_fields, hops
from ingest.processing.authentication.lookups import Lookups, LookupTrouble
from ingest.processing.authentication.sender_policy import check_spf
from ingest.processing.authentication.verdict import verdict
from reading.mime.entity_header import EntityKind, read_entity_header
from reading.mime.sender_metadata import read_mail_header
from storage.companies.account_keys import domain_key
from storage.records.mails import Envelope
from storage.records.senders import AuthenticationResult, SenderAuthentication, SenderStatus

_MOST_INTERNAL_HOPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom to believe, and whom to ask; as the operator set it."""

    resolvers: tuple[str, ...]  # HOST:PORT, or "system"; none: nothing is looked up
    relays: tuple[str, ...]  # networks of our own mail servers
    authserv_ids: tuple[str, ...]  # under which they write Authentication-Results
    sealers: tuple[str, ...]  # domains whose ARC seals are believed


def check(
    lookups: Lookups, octets: bytes, envelope: Envelope, trust: Trust, now: datetime
) -> SenderAuthentication:
    """Who sent it. Never raises for anything that a mail holds or the DNS says."""
    lookups.begin()
    fields = header_fields(octets)
    from_domain = _from_domain(octets, fields)
    client, by_relay = _client(envelope, fields, trust)
    own = [check_spf(lookups, client, envelope.reverse_path, envelope.helo if not by_relay else None)]
    own += check_dkim(lookups, octets, fields)
    own += _dmarc(lookups, from_domain, own)
    chain = check_arc(lookups, octets, fields)
    relay = _of_relay(envelope, fields, trust)
    sealed = read_results(chain.told) if chain and chain.told and chain.sealer in trust.sealers else ()
    found = verdict(from_domain, own, relay, sealed)
    if not trust.resolvers and found.status is SenderStatus.TEMPERROR:
        found = replace(found, reason="nothing is looked up, for authentication.resolvers is empty")
    return SenderAuthentication(
        status=found.status,
        domain=found.domain,
        from_domain=from_domain,
        reason=found.reason,
        results=(*own, *([chain.result] if chain else [])),
        relay_results=relay,
        client=client,
        hops=tuple(hops(fields)),
        checked_at=now,
    )


def _from_domain(octets: bytes, fields: HeaderFields) -> str | None:
    """The domain of the one From address, in A-labels; None when there is not exactly one."""
    if fields.count("from") != 1:
        return None
    header = read_entity_header(octets, 0, len(octets), EntityKind.MAIL)
    boxes = read_mail_header(header).from_
    if len(boxes) != 1:
        return None
    domain = boxes[0].address.rpartition("@")[2].lower().rstrip(".")
    try:
        return domain_key(domain).value.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return None


def _client(envelope: Envelope, fields: HeaderFields, trust: Trust) -> tuple[str | None, bool]:
    """The first client outside our own mail servers, and whether one of these saw it instead of us."""
    if envelope.peer is None:
        return None, False
    if not _is_own(envelope.peer, trust):
        return envelope.peer, False
    for hop in fields.all("received")[:_MOST_INTERNAL_HOPS]:
        client = client_of_hop(hop)
        if client is None:
            return None, True
        if not _is_own(client, trust):
            return client, True
    return None, True


def _is_own(address: str, trust: Trust) -> bool:
    try:
        return any(
            ipaddress.ip_address(address) in ipaddress.ip_network(one, strict=False) for one in trust.relays
        )
    except ValueError:
        return False


def _dmarc(
    lookups: Lookups, from_domain: str | None, own: Sequence[AuthenticationResult]
) -> list[AuthenticationResult]:
    if from_domain is None:
        return []
    try:
        record = dmarc_record(lookups, from_domain)
    except LookupTrouble as error:
        return [
            AuthenticationResult(method="dmarc", result="temperror", domain=from_domain, detail=str(error))
        ]
    return [check_dmarc(record, from_domain, own)]


def _of_relay(envelope: Envelope, fields: HeaderFields, trust: Trust) -> tuple[AuthenticationResult, ...]:
    """The topmost field only, and only from our own server under its own name: all others anybody may have written."""
    written = fields.all("authentication-results")
    if not written or envelope.peer is None or not _is_own(envelope.peer, trust):
        return ()
    return read_results(written[0]) if authserv_id(written[0]) in trust.authserv_ids else ()
