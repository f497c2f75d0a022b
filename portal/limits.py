"""How often doors may be tried: for each address, and by each peer; stored, so that it counts for all processes."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

from fastapi import HTTPException, Request

from portal.wired import Portal
from storage.errors import Conflict
from storage.people.throttles import Limit

SIGN_IN_OF_PEER = Limit(10, timedelta(minutes=15))  # wrong passwords for one address, from one peer
SIGN_IN = Limit(50, timedelta(hours=1))  # for one address, from wherever
CODES = Limit(5, timedelta(hours=1))  # sent to one mailbox
PEER = Limit(100, timedelta(minutes=15))  # of all doors, from one peer
UNNAMED = Limit(5000, timedelta(minutes=15))  # from all peers behind a proxy that does not name them
CLAIMS = Limit(30, timedelta(hours=1))  # of a company, and as many tries to prove them
INVITATIONS = Limit(500, timedelta(days=1))  # of one company


def expect(portal: Portal, *tries: tuple[str, str, Limit]) -> None:
    """Counts tries (what, by or for whom, within what limit). Raises HTTPException 429 when one is too many."""
    now = portal.now()
    try:
        with portal.store.transaction() as records:
            allowed = [records.throttles.allows(what, whom, limit, now) for what, whom, limit in tries]
    except Conflict:
        return  # two first tries at once; the next one counts
    if not all(allowed):
        raise HTTPException(429, headers={"Retry-After": _seconds(tries)})


def forget(portal: Portal, *tries: tuple[str, str]) -> None:
    """Counts anew, after a try that was right."""
    with portal.store.transaction() as records:
        for what, whom in tries:
            records.throttles.forget(what, whom)


def door(request: Request) -> tuple[str, str, Limit]:
    """A try of any door by this peer, for `expect`."""
    peer = peer_of(request)
    return "door", peer, PEER if peer else UNNAMED


def peer_of(request: Request) -> str:
    """Who asks: the network of the client, as our own proxy names it (X-Forwarded-For, its last entry).

    Empty behind a proxy that names nobody. A proxy is known by its private address; who pretends to be one gets
    around this limit, and not around those of each address. An IPv6 customer has at least a /64, so that counts as one.
    """
    direct = request.client.host if request.client else ""
    named = direct
    if _is_near(direct):
        named = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    try:
        address = ipaddress.ip_address(named)
    except ValueError:
        return named
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _seconds(tries: tuple[tuple[str, str, Limit], ...]) -> str:
    return str(int(max(limit.within for _, _, limit in tries).total_seconds()))
