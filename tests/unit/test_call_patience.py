"""When a call is tried again, and when a webhook is given up."""

from __future__ import annotations

from datetime import timedelta

from outbound.call_patience import DISABLED_AFTER, WAITS, is_hopeless, next_call, pause
from tests.making import NOW


def test_the_waits_grow_to_a_day_and_end() -> None:
    """A program that is away over a weekend misses nothing, and none is called for ever."""
    times = [next_call(attempts, NOW) for attempts in range(1, len(WAITS) + 2)]

    waits = [at - NOW for at in times if at is not None]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1], times[-1]) == (timedelta(seconds=5), timedelta(days=1), None)
    assert timedelta(days=2) < sum(waits, timedelta()) < timedelta(days=3)


def test_a_program_may_ask_to_be_left_alone() -> None:
    """For longer than we would have waited, not for less."""
    assert next_call(1, NOW, 3600) == NOW + timedelta(hours=1)
    assert pause(1, NOW, 3600) == NOW + timedelta(hours=1)
    assert next_call(5, NOW, 1) == NOW + timedelta(hours=2)


def test_a_webhook_that_fails_is_tried_once_an_hour_at_least() -> None:
    """By whatever is new, so that its coming back is noticed."""
    assert [pause(failures, NOW) - NOW for failures in (1, 3, 8, 1000)] == [
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(hours=1),
        timedelta(hours=1),
    ]


def test_a_webhook_is_given_up_when_its_last_tries_failed() -> None:
    """Ten in a row and two and a half days; a burst of failures alone, or one old failure, is not enough."""
    many = len(WAITS) + 1

    assert is_hopeless(many, NOW - DISABLED_AFTER, NOW)
    assert not is_hopeless(many, NOW - DISABLED_AFTER + timedelta(seconds=1), NOW)
    assert not is_hopeless(many - 1, NOW - 10 * DISABLED_AFTER, NOW)
    assert sum(WAITS, timedelta()) > DISABLED_AFTER
