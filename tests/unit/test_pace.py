"""Retention makes way for mail, and loses no time where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from retention.pace import LARGEST_BATCH, LONGEST_REST, SMALLEST_BATCH, Pace, next_size, rest
from storage.store import Store
from tests import making


def test_it_rests_only_after_a_batch_during_which_mail_came_in(tmp_path: Path) -> None:
    """Four times as long as the batch took, so that most of the time is the mailbox's; the next batch is smaller."""
    store = Store.open(f"sqlite:///{tmp_path / 'invoices.db'}")
    rests: list[float] = []
    clock = iter([0.0, 1.0, 1.0, 1.1, 1.6, 1.7, 1.7])
    pace = Pace(store, clock=lambda: next(clock), sleep=rests.append)

    sizes = [pace(40)]
    store.add_mails([making.incoming()])
    sizes.append(pace(40))
    sizes.append(pace(40))
    store.close()

    assert [round(one, 3) for one in rests] == [0.4]
    assert sizes == [80, 20, 80]


@pytest.mark.parametrize(
    ("size", "seconds", "busy", "following"),
    [
        (100, 0.05, True, 50),
        (100, 0.015, True, 100),
        (100, 0.005, True, LARGEST_BATCH),
        (6, 3.0, True, SMALLEST_BATCH),
        (100, 3.0, False, LARGEST_BATCH),
    ],
)
def test_a_batch_is_as_large_as_nobody_has_to_wait_for(
    size: int, seconds: float, busy: bool, following: int
) -> None:
    """Too long: half as many; just right: the same; quick, or nobody there: twice as many."""
    assert next_size(size, seconds, busy=busy) == following


def test_no_rest_is_longer_than_a_second() -> None:
    """After a batch that took long for other reasons."""
    assert rest(0.01) == 0.04
    assert rest(60.0) == LONGEST_REST
