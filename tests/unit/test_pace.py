"""Retention makes way for mail, and loses no time where there is none."""

from __future__ import annotations

from pathlib import Path

from retention.pace import LONGEST_REST, Pace, rest
from storage.store import Store
from tests import making


def test_it_rests_only_after_a_batch_during_which_mail_came_in(tmp_path: Path) -> None:
    """Four times as long as the batch took, so that most of the time is the mailbox's."""
    store = Store.open(f"sqlite:///{tmp_path / 'invoices.db'}")
    rests: list[float] = []
    clock = iter([0.0, 1.0, 1.1, 1.2, 2.0])
    pace = Pace(store, clock=lambda: next(clock), sleep=rests.append)

    pace()
    store.add_mails([making.incoming()])
    pace()
    pace()
    store.close()

    assert [round(one, 3) for one in rests] == [0.4]


def test_no_rest_is_longer_than_a_second() -> None:
    """After a batch that took long for other reasons."""
    assert rest(0.01) == 0.04
    assert rest(60.0) == LONGEST_REST
