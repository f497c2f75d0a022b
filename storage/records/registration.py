"""Registration links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LinkState(StrEnum):
    """What a registration link can still do."""

    LIVE = "live"
    REDEEMED = "redeemed"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationLink:
    """An invitation to register; the token is not kept, only its digest."""

    id: str
    account_id: str
    email: str
    token_digest: bytes
    created_at: datetime
    expires_at: datetime
    redeemed_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> LinkState:
        """What the link can still do at `now`."""
        if self.redeemed_at is not None:
            return LinkState.REDEEMED
        if self.revoked_at is not None:
            return LinkState.REVOKED
        return LinkState.EXPIRED if self.expires_at <= now else LinkState.LIVE
