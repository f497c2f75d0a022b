"""The ids of a mail's trace follow from the mail's own, so that every process knows them and nothing is kept for it."""

from __future__ import annotations

from uuid import UUID

_RANDOM_BITS = 62  # of a UUIDv7, behind its variant (RFC 9562 5.7)


def trace_id_of(mail_id: str) -> int:
    """The mail's id without its hyphens: whoever has one has the other."""
    return UUID(mail_id).int


def span_id_of(trace_id: int) -> int:
    """Of the first span, which the others are below; the variant's bits keep it from being zero."""
    return trace_id & ((1 << 64) - 1)


def is_wanted(trace_id: int, ratio: float) -> bool:
    """Whether this mail is among those that are told of; all processes decide alike."""
    return (trace_id & ((1 << _RANDOM_BITS) - 1)) < ratio * (1 << _RANDOM_BITS)
