"""Retention makes way for mail, and loses no time where there is none."""

from __future__ import annotations

import pytest

from retention.pace import LARGEST_BATCH, LONGEST_REST, SMALLEST_BATCH, Pace, next_size, rest
from retention.worker import relieved_after
from storage.store import Store
from tests import making


def test_it_rests_while_mail_comes_in_and_for_a_while_after(sqlite_url: str) -> None:
    """Sixteen times as long as the batch took, so that most of the time is the mailbox's; mail seldom comes just within
    the two milliseconds of a batch, so one that came in counts for some seconds.
    """
    store = Store.open(sqlite_url)
    rests: list[float] = []
    time = iter([0.0, 9.0, 9.05, 10.0, 10.05, 14.0, 14.05, 16.0, 16.05])
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


def test_whether_mail_came_in_is_not_asked_after_each_batch(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took a quarter of a run's processor time, and while retention is at work everybody else is slower."""
    store = Store.open(sqlite_url)
    time = iter(tenth / 10 for tenth in range(100))
    pace = Pace(store, clock=lambda: next(time), sleep=lambda _: None)
    asked: list[None] = []
    monkeypatch.setattr(pace, "_newest_mail", lambda: asked.append(None))

    for _ in range(10):  # of a tenth of a second each, a tenth apart
        pace.begins()
        pace.ended(1)
    store.close()

    assert len(asked) == 5


@pytest.mark.parametrize(
    ("size", "seconds", "longest", "following"),
    [
        (10, 0.005, 0.002, 5),
        (10, 0.0015, 0.002, 10),
        (10, 0.0005, 0.002, 20),
        (1, 3.0, 0.002, SMALLEST_BATCH),
        (100, 0.05, 0.02, 50),
        (100, 0.015, 0.02, 100),
        (150, 0.005, 0.02, LARGEST_BATCH),
    ],
)
def test_a_batch_is_as_large_as_nobody_has_to_wait_for(
    size: int, seconds: float, longest: float, following: int
) -> None:
    """Too long: half as many; just right: the same; quick: twice as many."""
    assert next_size(size, seconds, longest) == following


@pytest.mark.parametrize(("at_once", "following"), [(False, 20), (True, 80)])
def test_beside_mail_a_batch_is_longer_where_nobody_waits_for_it(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, at_once: bool, following: int
) -> None:
    """PostgreSQL's took some round trips for a single record, 22 of which a run deleted a second while mail came in."""
    monkeypatch.setattr(Store, "takes_writers_at_once", at_once)
    store = Store.open(sqlite_url)
    time = iter([0.0, 1.0, 1.005])
    pace = Pace(store, clock=lambda: next(time), sleep=lambda _: None)

    pace.begins()
    size = pace.ended(40)
    store.close()

    assert size == following


def test_no_rest_is_longer_than_a_second() -> None:
    """After a batch that took long for other reasons."""
    assert rest(0.01) == 0.16
    assert rest(60.0) == LONGEST_REST


@pytest.mark.parametrize(
    ("records", "pages", "following"),
    [
        (100, 1000, 200),
        (100, 2000, 100),
        (100, 8000, 25),
        (100, 10, 200),
        (1500, 10, 2000),
        (1, 9000, 1),
        (3, 0, 6),
    ],
)
def test_the_journal_is_relieved_by_how_much_a_record_takes_of_it(
    records: int, pages: int, following: int
) -> None:
    """Mail whose sync comes beside it waits, so seldom; and far from where a commit finds the journal full."""
    assert relieved_after(records, pages) == following
