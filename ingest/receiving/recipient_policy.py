"""Decides who may send and for whom mail is taken."""

from __future__ import annotations

import functools
import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ingest.receiving.addresses import domain_key
from ingest.receiving.replies import Reply
from storage.errors import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from ingest.receiving.addresses import Address

    KnownRecipient = Callable[[str], Awaitable[bool]]

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


class UnknownRecipients(StrEnum):
    """What becomes of mail for an address that no company account has."""

    INVITE = "invite"  # taken; the company is invited to register
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class RecipientPolicy:
    """The operator's rules; build it with `recipient_policy`."""

    accepted_domains: frozenset[str] = frozenset()  # in the form of `domain_key`; empty takes every domain
    unknown_recipients: UnknownRecipients = UnknownRecipients.INVITE
    relays: Networks = ()  # who may send; nobody over IP when empty


def recipient_policy(
    *, accepted_domains: Iterable[str] = (), unknown_recipients: str = "invite", relays: Iterable[str] = ()
) -> RecipientPolicy:
    """Build the policy from plain settings.

    `relays` are networks in CIDR notation or single addresses. Raises ValueError for one that is neither, and
    for an unknown word in `unknown_recipients`.
    """
    return RecipientPolicy(
        accepted_domains=frozenset(map(domain_key, accepted_domains)),
        unknown_recipients=UnknownRecipients(unknown_recipients),
        relays=networks(relays),
    )


def networks(written: Iterable[str]) -> Networks:
    """Networks in CIDR notation, or single addresses. Raises ValueError for one that is neither."""
    return tuple(ipaddress.ip_network(one, strict=False) for one in written)


def relay_verdict(policy: RecipientPolicy, peer: str | None) -> Reply | None:
    """Whether `peer` (an IP address; None for a Unix socket) may send mail; None means yes."""
    return None if peer is None or is_among(policy.relays, peer) else Reply.RELAY_REFUSED


@functools.lru_cache(maxsize=4096)  # the same few relays come again and again
def is_among(networks: Networks, peer: str | None) -> bool:
    """Whether an IP address lies in one of the networks; a Unix socket (None) never does.

    An IPv4 address that came in over an IPv6 socket (RFC 4291 2.5.5.2) counts as the IPv4 address.
    """
    if peer is None or not networks:
        return False
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


async def recipient_verdict(
    policy: RecipientPolicy, recipient: Address, known: KnownRecipient
) -> Reply | None:
    """Whether mail for `recipient` is taken; None means yes.

    `known` is asked only where the policy rejects unknown recipients; it may raise StorageUnavailable.
    Postmaster without a domain (RFC 5321 4.5.1) belongs to every domain.
    """
    outside = recipient.domain and recipient.domain_key not in policy.accepted_domains
    if policy.accepted_domains and outside:
        return Reply.DOMAIN_REFUSED
    if policy.unknown_recipients is UnknownRecipients.INVITE:
        return None
    try:
        return None if await known(recipient.text) else Reply.UNKNOWN_RECIPIENT
    except StorageUnavailable:
        return Reply.STORE_AWAY
