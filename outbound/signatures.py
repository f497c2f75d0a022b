"""Signs what a program is told, in the form of Standard Webhooks, so that it knows who says so; pure."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime


def signed_fields(delivery_id: str, at: datetime, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """The header fields `webhook-id`, `webhook-timestamp` and `webhook-signature`, one signature for each secret."""
    timestamp = str(int(at.timestamp()))
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode() for secret in secrets
    ]
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }
