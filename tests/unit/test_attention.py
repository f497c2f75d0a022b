"""What `invoices status` says needs attention: each trouble by itself, and nothing when all is well."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.attention import attention, everyday
from config.next_steps import AddNextStep, next_steps
from config.troubles import RememberTroubles, lately
from ingest.lookout import Seen

GIB = 1024**3
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LISTENS = {"127.0.0.1:8025": True}
WELL = Seen(
    free_octets=50 * GIB,
    total_octets=100 * GIB,
    oldest_queued_seconds=None,
    quarantined=0,
    unsent=3,
    failed=0,
    overdue_seconds=None,
    certificate_seconds=None,
)


@pytest.mark.parametrize(
    "usual",
    [
        {},
        {"oldest_queued_seconds": 20},
        {"overdue_seconds": 3600},
        {"certificate_seconds": 30 * 86400},
        {"free_octets": 6 * GIB, "total_octets": 4000 * GIB},
    ],
)
def test_nothing_is_said_when_all_is_well(usual: dict[str, Any]) -> None:
    """A screen that always warns is not read."""
    assert attention(LISTENS, replace(WELL, **usual), [], NOW) == []


@pytest.mark.parametrize(
    ("trouble", "said", "next_step"),
    [
        ({"free_octets": GIB // 2, "total_octets": 5 * GIB}, "only 0.5 GiB", "make room"),
        ({"free_octets": 4 * GIB, "total_octets": 100 * GIB}, "only 4.0 GiB", "make room"),
        ({"oldest_queued_seconds": 900}, "the oldest mail has waited 15 minutes", "serve worker"),
        ({"quarantined": 3}, "3 in quarantine", "invoices quarantine list"),
        ({"unsent": 400}, "400 mails of ours wait", "invoices check-config"),
        ({"failed": 2}, "2 mails of ours were refused", "invoices outbound list --state failed"),
        ({"overdue_seconds": 50 * 3600}, "50 hours ago", "invoices retention run"),
        ({"certificate_seconds": 3 * 86400}, "ends in 3 days", "renew"),
        ({"certificate_seconds": -60}, "has ended", "renew"),
    ],
)
def test_each_trouble_is_told_with_what_to_do(trouble: dict[str, Any], said: str, next_step: str) -> None:
    """At three in the morning nobody wants to think about where to look."""
    [sentence] = attention(LISTENS, replace(WELL, **trouble), [], NOW)

    assert said in sentence
    assert next_step in sentence


def test_nobody_at_the_port_comes_first() -> None:
    """Senders keep their mail, and nothing else can be seen to work."""
    [sentence] = attention({"127.0.0.1:8025": False}, WELL, [], NOW)

    assert sentence.startswith("nobody takes mail at 127.0.0.1:8025")


def _happens(remember: RememberTroubles, at: datetime, **event: Any) -> None:
    line = {"level": "error", "timestamp": at.isoformat(), **event}
    remember(None, "error", AddNextStep()(None, "error", line))


def test_what_was_logged_is_told_for_an_hour(tmp_path: Path) -> None:
    """By another process, which has no other way to know of it; what is everyday stands apart."""
    remember = RememberTroubles(tmp_path)
    _happens(remember, NOW - timedelta(minutes=90), event="reload-refused", problems=["smtp.x"])
    _happens(remember, NOW - timedelta(minutes=5), event="store-unavailable", doing="claim", error="away")
    _happens(remember, NOW - timedelta(minutes=3), event="rejected", reason="relay-refused", peer="192.0.2.1")
    _happens(remember, NOW - timedelta(minutes=2), event="rejected", reason="mail-first", peer="192.0.2.1")
    _happens(remember, NOW, event="listening")

    troubles = lately(tmp_path, NOW)

    steps = next_steps()
    assert attention(LISTENS, WELL, troubles, NOW) == [
        f"`store-unavailable` 5 minutes ago (doing=claim error=away): {steps['events']['store-unavailable']}"
    ]
    assert everyday(troubles, NOW) == [
        "`rejected` 3 minutes ago (reason=relay-refused peer=192.0.2.1): "
        + steps["refusals"]["relay-refused"]
    ]


def test_what_is_mended_is_forgotten(tmp_path: Path) -> None:
    """A renewed certificate that works now is no news any more."""
    remember = RememberTroubles(tmp_path)
    _happens(remember, NOW, event="certificate-broken", error="no key")
    _happens(remember, NOW, event="certificate-loaded")

    assert lately(tmp_path, NOW) == []


def test_a_disk_that_takes_no_note_keeps_nothing_from_going_on(tmp_path: Path) -> None:
    """The log has it; the note is for convenience."""
    (tmp_path / "troubles").write_text("in the way")

    _happens(RememberTroubles(tmp_path), NOW, event="failed", stage="DATA")

    assert lately(tmp_path, NOW) == []
