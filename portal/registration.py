"""Decides how somebody stands with a company: who founds it, who joins it, who waits; pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.companies.account_keys import split_address
from storage.companies.freemail import is_freemail
from storage.records.people import Membership, MembershipState, Role

REJECTED_FOR = timedelta(days=7)  # so long a rejection stands before somebody may ask again
FOUNDER, LINK, DOMAIN = "founder", "link", "domain"  # what decided, where no person did


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands with a company, and what decided it; None while nothing has."""

    role: Role
    state: MembershipState
    by: str | None


def founding() -> Standing:
    """Of the first person of a company that nobody knew: its administrator, at once."""
    return Standing(Role.ADMINISTRATOR, MembershipState.ACTIVE, FOUNDER)


def redeeming(known: Membership | None, *, first: bool) -> Standing | None:
    """Of who redeemed a link of the company; None where somebody belongs to it already.

    `first`: nobody administrates the company, so this person does.
    """
    if known is not None and known.state is MembershipState.ACTIVE:
        return None
    return Standing(Role.ADMINISTRATOR if first else Role.MEMBER, MembershipState.ACTIVE, LINK)


def asking(
    known: Membership | None, email: str, joining_domains: Collection[str], now: datetime
) -> Standing | None:
    """Of who asks to join a company that is known; None where nothing changes.

    The mailbox `email` has been proven. Whoever was removed waits for an administrator also where the domain would
    let them in, and whoever was rejected has to let some time pass.
    """
    if known is not None and known.state in (MembershipState.ACTIVE, MembershipState.WAITING):
        return None
    if known is not None and known.state is MembershipState.REJECTED:
        decided_at = known.decided_at or known.created_at
        return None if now - decided_at < REJECTED_FOR else _waiting()
    if known is None and domain_of(email) in joining_domains:
        return Standing(Role.MEMBER, MembershipState.ACTIVE, DOMAIN)
    return _waiting()


def _waiting() -> Standing:
    return Standing(Role.MEMBER, MembershipState.WAITING, None)


def may_join_by(domain: str) -> bool:
    """Whether people of a mail domain may be let in without asking: it has to be a company's own."""
    return bool(domain) and not is_freemail(domain)


def domain_of(email: str) -> str:
    """The domain of an address, in lower case."""
    return split_address(email)[2].lower()
