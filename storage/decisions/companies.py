"""What a company, or an operator for it, decides about its own account."""

from __future__ import annotations

from datetime import datetime

from storage.records.acts import ActName
from storage.records.companies import CompanyAccount, WarningPolicy
from storage.records.people import User
from storage.transaction import Transaction


def leave(records: Transaction, company: CompanyAccount, user: User, *, actor: str, at: datetime) -> None:
    """A person leaves a company; an invitation that is still open lets nobody back in.

    Raises Conflict for the last administrator of others.
    """
    records.memberships.leave(company.id, user.id, at)
    live = records.links.live(user.email, at)
    if live is not None and live.account_id == company.id:
        records.links.revoke(live.id, at)
    detail = {"name": company.name, "email": user.email}
    records.acts.add(ActName.MEMBER_LEFT, company.id, actor=actor, at=at, detail=detail)


def set_warning_policy(
    records: Transaction, account_id: str, policy: WarningPolicy, *, actor: str, at: datetime
) -> None:
    """What warnings about senders do to new invoices from now on. Raises NotFound."""
    before = records.accounts.get(account_id)
    if before.warning_policy is policy:
        return
    records.accounts.set_warning_policy(account_id, policy)
    detail = {"name": before.name, "from": str(before.warning_policy), "to": str(policy)}
    records.acts.add(ActName.POLICY_CHANGED, account_id, actor=actor, at=at, detail=detail)
