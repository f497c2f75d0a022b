"""What an operator thinks of contracting partners, and whether they are still being connected."""

from __future__ import annotations

from datetime import datetime

from storage.records.acts import ActName
from storage.records.invoices import Environment
from storage.records.partners import PartnerTrust
from storage.transaction import Transaction


def set_trust(
    records: Transaction, partner_id: str, trust: PartnerTrust, *, actor: str, at: datetime
) -> None:
    """Changes the trust; a partner that becomes known is so with everything that was noted of it so far.

    Raises NotFound.
    """
    before = records.partners.get(partner_id)
    records.partners.set_trust(partner_id, trust)
    detail = {"name": before.name, "from": str(before.trust), "to": str(trust)}
    if trust is PartnerTrust.KNOWN:
        new = [trait.value for trait in records.partners.traits(partner_id) if not trait.accepted]
        records.partners.accept_traits(partner_id)
        detail |= {"accepted": " ".join(new)} if new else {}
    records.acts.add(ActName.PARTNER_TRUST, partner_id, actor=actor, at=at, detail=detail)


def set_environment(
    records: Transaction, partner_id: str, environment: Environment, *, actor: str, at: datetime
) -> None:
    """Ends the phase of connecting a partner, or begins it again. Raises NotFound."""
    before = records.partners.get(partner_id)
    if before.environment is environment:
        return
    records.partners.set_environment(partner_id, environment)
    detail = {"name": before.name, "from": str(before.environment), "to": str(environment)}
    records.acts.add(ActName.PARTNER_ENVIRONMENT, partner_id, actor=actor, at=at, detail=detail)
