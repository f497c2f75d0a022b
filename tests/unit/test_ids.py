"""Identifiers tell the order in which they were made."""

from __future__ import annotations

import re
import time
import uuid

import pytest

from storage.ids import new_id


def test_ids_of_a_process_are_in_the_order_in_which_they_were_made() -> None:
    """Of two alike invoices the one with the smaller id is the original, also after they moved to another mailbox;
    in one millisecond many are made.
    """
    made = [new_id() for _ in range(10_000)]

    assert made == sorted(set(made))


def test_an_id_is_a_uuid_of_version_7_with_its_time() -> None:
    """As RFC 9562 5.7 lays it out, so that other programs can read it."""
    before = time.time_ns() // 1_000_000
    made = new_id()

    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", made)
    assert uuid.UUID(made).variant == uuid.RFC_4122
    assert before <= uuid.UUID(made).int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_a_clock_that_is_set_back_does_not_change_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """By an operator, or by NTP after a start."""
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)

    assert new_id() > first
