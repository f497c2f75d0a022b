"""When workers look into the queue: at once for a mail that comes alone, together for many, and not all for each."""

from __future__ import annotations

from datetime import timedelta

from ingest.processing.pace import BUSY_SECONDS, QUEUE_SECONDS, UNCALLED_SECONDS, Pace
from storage.records.mails import Waiting
from tests import making

FULL = 32
NOTHING = Waiting(due=0, oldest=None, since=None, at_work=False)


def _waiting(due: int = 1, *, oldest: str = "a", age: float = 0.0, at_work: bool = False) -> Waiting:
    since = making.NOW - timedelta(seconds=age)
    return Waiting(due=due, oldest=oldest, since=since, at_work=at_work)


def test_a_mail_that_comes_alone_is_taken_at_once() -> None:
    """Nobody is at work, so there is nothing to wait for."""
    pace = Pace(FULL)

    assert pace.takes(_waiting(), making.NOW, 0.0)


def test_few_mails_gather_while_others_are_being_filed() -> None:
    """Eight nodes that each took a mail at once would record each by itself, at eight times the statements."""
    pace = Pace(FULL)

    taken = pace.takes(_waiting(at_work=True, age=0.1), making.NOW, 7.0)

    assert not taken
    assert not pace.may_look(7.0 + QUEUE_SECONDS - 0.11, busy=False, called=True)
    assert pace.may_look(7.0 + QUEUE_SECONDS - 0.09, busy=False, called=True)


def test_what_has_gathered_is_taken() -> None:
    """A full group, or one whose oldest mail has waited long enough."""
    full, old = _waiting(FULL, at_work=True), _waiting(age=QUEUE_SECONDS, at_work=True)

    taken = [Pace(FULL).takes(one, making.NOW, 0.0) for one in (full, old)]

    assert taken == [True, True]


def test_a_wrong_clock_keeps_no_mail_waiting() -> None:
    """Received in an hour, says the machine that took it in: it gathers once, as any other, and is taken then."""
    pace, ahead = Pace(FULL), _waiting(age=-3600.0, at_work=True)

    first, soon = pace.takes(ahead, making.NOW, 0.0), pace.seconds_left(0.0)
    second = pace.takes(ahead, making.NOW, soon)

    assert (first, second) == (False, True)
    assert soon <= QUEUE_SECONDS


def test_a_worker_at_work_looks_now_and_then_until_it_finds_a_full_group() -> None:
    """Many nodes on little work would look more often than they work."""
    few, full = Pace(FULL), Pace(FULL)
    few.takes(_waiting(3), making.NOW, 0.0)
    full.takes(_waiting(FULL), making.NOW, 0.0)

    may_look = [
        one.may_look(BUSY_SECONDS / 2, busy=busy, called=True)
        for one in (few, full)
        for busy in (True, False)
    ]

    assert may_look == [False, True, True, True]


def test_a_worker_at_work_that_nobody_calls_looks_no_more_often_than_one_without_work() -> None:
    """At the end of a long queue eight nodes asked five times a second for what no longer came."""
    pace = Pace(FULL)
    pace.takes(_waiting(3), making.NOW, 0.0)

    may_look = [pace.may_look(BUSY_SECONDS, busy=True, called=called) for called in (True, False)]

    assert may_look == [True, False]
    assert pace.may_look(UNCALLED_SECONDS, busy=True, called=False)


def test_a_worker_that_is_always_too_late_listens_less_and_less() -> None:
    """Of eight that a mail wakes one gets it; each of the others asked the database for nothing, for each mail."""
    pace, moment, pauses = Pace(FULL), 0.0, []

    for _ in range(5):
        pace.called_in_vain(moment)
        pauses.append(pace.seconds_left(moment))
        moment += pauses[-1]

    assert pauses[0] <= 0.05
    assert 0.5 <= pauses[3] <= 1.0
    assert 0.5 <= pauses[4] <= 1.0


def test_a_worker_that_finds_mail_again_listens_again() -> None:
    """As do those that had nothing for a while, when the one that took all is gone."""
    pace = Pace(FULL)
    for _ in range(4):
        pace.called_in_vain(0.0)

    for _ in range(4):
        assert pace.takes(_waiting(), making.NOW, 10.0)
    pace.called_in_vain(10.0)

    assert pace.seconds_left(10.0) <= 0.05


def test_an_empty_queue_is_nothing_to_take() -> None:
    """And a worker without work may look again when it is called."""
    pace = Pace(FULL)

    assert not pace.takes(NOTHING, making.NOW, 0.0)
    assert pace.may_look(0.0, busy=False, called=True)
