"""Retention makes way for mail, and loses no time where there is none."""

from __future__ import annotations

import pytest

from retention.pace import LARGEST_BATCH, LONGEST_REST, SMALLEST_BATCH, Pace, next_size, rest
from storage.store import Store
from tests import making


def test_it_rests_while_mail_comes_in_and_for_a_while_after(sqlite_url: str) -> None:
    """Eight times as long as the batch took, so that most of the time is the mailbox's; mail seldom comes just within
    the two milliseconds of a batch, so one that came in counts for some seconds.
    """
    store = Store.open(sqlite_url)
    rests: list[float] = []
    time = iter([0.0, 9.0, 9.1, 10.0, 10.1, 14.0, 14.1, 16.0, 16.1])
    pace = Pace(store, clock=lambda: next(time), sleep=rests.append)

    def batch(size: int) -> int:
        pace.begins()
        return pace.ended(size)

    sizes = [batch(40)]
    store.add_mails([making.incoming()])
    sizes += [batch(40), batch(40), batch(40)]
    store.close()

    assert [round(one, 3) for one in rests] == [0.8, 0.8]
    assert sizes == [20, 20, 20, 20]


@pytest.mark.parametrize(
    ("size", "seconds", "busy", "following"),
    [
        (10, 0.005, True, 5),
        (10, 0.0015, True, 10),
        (10, 0.0005, True, 20),
        (1, 3.0, True, SMALLEST_BATCH),
        (100, 0.05, False, 50),
        (100, 0.015, False, 100),
        (150, 0.005, False, LARGEST_BATCH),
    ],
)
def test_a_batch_is_as_large_as_nobody_has_to_wait_for(
    size: int, seconds: float, busy: bool, following: int
) -> None:
    """Too long: half as many; just right: the same; quick: twice as many. Also while it is quiet it is not long, for
    the mail that ends the quiet would wait.
    """
    assert next_size(size, seconds, busy=busy) == following


def test_no_rest_is_longer_than_a_second() -> None:
    """After a batch that took long for other reasons."""
    assert rest(0.01) == 0.08
    assert rest(60.0) == LONGEST_REST
