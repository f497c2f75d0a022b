"""What a company, or an operator for it, decides about its own account."""

from __future__ import annotations

from datetime import datetime

from storage.records.acts import ActName
from storage.records.companies import WarningPolicy
from storage.store import Transaction


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
