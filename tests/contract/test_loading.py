"""A worker loads what it has claimed together: a round trip for many mails, and no more memory than is allowed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import pytest

from ingest.processing import loading
from ingest.processing.loading import Loader
from reading.sandbox import ReadingFailed
from storage.records.mails import IncomingMail
from storage.store import Store
from tests import making
from tests.statements import counted_statements

pytestmark = pytest.mark.also_pooled

FULL = 32  # mails of a group; see AT_ONCE in processor.py


def _queued(store: Store, sizes: list[int]) -> list[IncomingMail]:
    mails = [making.incoming(b"%08d" % number + b"x" * (size - 8)) for number, size in enumerate(sizes)]
    store.add_mails(mails)
    return mails


def _taken(loader: Loader, ids: list[str], most: int = 1) -> list[list[bytes | ReadingFailed]]:
    pending, taken = deque(ids), []
    while pending:
        taken.append([octets for _, octets in loader.take(pending, most)])
    return taken


def _ids(mails: list[IncomingMail]) -> list[str]:
    return [mail.id for mail in mails]


def test_a_claimed_group_is_loaded_in_as_many_statements_as_two_mails(store: Store) -> None:
    """Mail by mail each was a round trip, for which the readers waited."""
    mails = _queued(store, [100] * (2 + FULL))
    few, many = mails[:2], mails[2:]

    with counted_statements(store) as of_few:
        _taken(Loader(store), _ids(few))
    with counted_statements(store) as of_many:
        taken = _taken(Loader(store), _ids(many))

    assert taken == [[mail.octets] for mail in many]
    assert len(of_many) == len(of_few)
    assert len(of_many) / FULL < 0.2


def test_no_more_is_loaded_than_may_lie_in_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that claims 32 mails of 35 MB must not have all of them in memory; a large one comes by itself."""
    monkeypatch.setattr(loading, "OCTETS_AT_ONCE", 1000)
    mails = _queued(store, [400, 400, 400, 5000, 100, 100])
    loads, of = [], store.octets.of

    def noted(ids: Sequence[str]) -> dict[str, bytes]:
        loads.append(len(ids))
        return of(ids)

    monkeypatch.setattr(store.octets, "of", noted)

    taken = _taken(Loader(store), _ids(mails))

    assert taken == [[mail.octets] for mail in mails]
    assert loads == [2, 1, 1, 2]


def test_small_mails_go_to_a_reader_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are wanted and as are loaded; a large one keeps its reader busy for long enough by itself."""
    monkeypatch.setattr(loading, "OCTETS_TOGETHER", 1000)
    mails = _queued(store, [100, 100, 100, 100, 5000, 400, 400, 400])

    taken = _taken(Loader(store), _ids(mails), 3)

    assert [[len(one) for one in some if isinstance(one, bytes)] for some in taken] == [
        [100, 100, 100],
        [100],
        [5000],
        [400, 400],
        [400],
    ]


def test_a_mail_whose_octets_are_lost_costs_no_other_its_own(store: Store) -> None:
    """It ends in quarantine, and the reason is that of a mail which is loaded by itself."""
    first, last = _queued(store, [100, 100])

    taken = _taken(Loader(store), [first.id, "lost", last.id], 3)

    assert taken == [[first.octets, ReadingFailed("there are no octets of a mail lost"), last.octets]]
