"""What `invoices status` says needs attention: each trouble by itself, and nothing when all is well."""

from __future__ import annotations

from typing import Any

import pytest

from cli.attention import attention

GIB = 1024**3
WELL: dict[str, Any] = {
    "smtp": {"127.0.0.1:8025": True},
    "disk": {"free_octets": 50 * GIB, "total_octets": 100 * GIB},
    "oldest_queued_seconds": None,
    "quarantined": 0,
    "retention_overdue_seconds": None,
    "outbox": {"sent": 500, "queued": 3},
}


@pytest.mark.parametrize(
    "usual",
    [
        {},
        {"oldest_queued_seconds": 20},
        {"retention_overdue_seconds": 3600},
        {"disk": {"free_octets": 6 * GIB, "total_octets": 4000 * GIB}},
    ],
)
def test_nothing_is_said_when_all_is_well(usual: dict[str, Any]) -> None:
    """A screen that always warns is not read."""
    assert attention(WELL | usual) == []


@pytest.mark.parametrize(
    ("trouble", "said", "next_step"),
    [
        (
            {"smtp": {"127.0.0.1:8025": False}},
            "nobody takes mail at 127.0.0.1:8025",
            "systemctl status 'invoices*'",
        ),
        ({"disk": {"free_octets": GIB // 2, "total_octets": 5 * GIB}}, "only 0.5 GiB", "make room"),
        ({"disk": {"free_octets": 4 * GIB, "total_octets": 100 * GIB}}, "only 4.0 GiB", "make room"),
        ({"oldest_queued_seconds": 900}, "the oldest mail has waited 15 minutes", "serve worker"),
        ({"quarantined": 3}, "3 in quarantine", "invoices quarantine list"),
        ({"outbox": {"queued": 400}}, "400 mails of ours wait", "invoices check-config"),
        ({"outbox": {"failed": 2}}, "2 mails of ours were refused", "invoices outbound list --state failed"),
        ({"retention_overdue_seconds": 50 * 3600}, "50 hours ago", "invoices retention run"),
    ],
)
def test_each_trouble_is_told_with_what_to_do(trouble: dict[str, Any], said: str, next_step: str) -> None:
    """At three in the morning nobody wants to think about where to look."""
    [sentence] = attention(WELL | trouble)

    assert said in sentence
    assert next_step in sentence
