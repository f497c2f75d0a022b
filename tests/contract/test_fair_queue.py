"""Senders take turns in the queue: a hundred thousand mails of one hold up nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage.records.mails import IncomingMail
from storage.store import Store
from tests import making

pytestmark = pytest.mark.also_pooled

LEASE = timedelta(seconds=30)


def _from(sender: str, count: int) -> list[IncomingMail]:
    """In the order of their ids, which is that of the queue."""
    mails = [
        making.incoming(f"{sender} {number}".encode(), envelope=making.envelope(reverse_path=sender))
        for number in range(count)
    ]
    return sorted(mails, key=lambda mail: mail.id)


def _claimed(store: Store, limit: int, after: str = "") -> tuple[list[str], list[str]]:
    """What one worker claims, and whose turn it was."""
    with store.transaction() as records:
        lanes = records.mails.lanes(after, limit)
        return records.mails.claim(by="a", now=making.NOW, lease=LEASE, limit=limit, lanes=lanes), lanes


def test_the_mail_behind_a_thousand_of_another_sender_is_next(store: Store) -> None:
    """And the rest of the turn goes to whoever has more."""
    crowd, single = _from("invoices@large.example", 100), _from("a@small.example", 1)
    store.add_mails([*crowd, *single])

    claimed, _ = _claimed(store, 8)

    assert sorted(claimed) == sorted([*(mail.id for mail in crowd[:7]), single[0].id])


def test_every_sender_has_its_turn(store: Store) -> None:
    """More senders than a turn has places: those left out are first in the next."""
    mails = {letter: _from(f"a@{letter}.example", 10) for letter in "abcdef"}
    store.add_mails([mail for some in mails.values() for mail in some])

    first, lanes = _claimed(store, 4)
    second, more = _claimed(store, 4, after=lanes[-1])

    assert lanes == ["a.example", "b.example", "c.example", "d.example"]
    assert more == ["e.example", "f.example", "a.example", "b.example"]
    assert first == sorted(mails[letter][0].id for letter in "abcd")
    assert sorted(second) == sorted([mails["e"][0].id, mails["f"][0].id, mails["a"][1].id, mails["b"][1].id])


def test_the_case_of_a_domain_and_the_empty_reverse_path_are_no_trouble(store: Store) -> None:
    """Notifications have a lane, too (RFC 5321 4.5.5)."""
    store.add_mails([*_from("a@Large.Example", 1), *_from("b@large.example", 1), *_from("", 1)])

    with store.reading() as records:
        lanes = records.mails.lanes("large.example", 9)

    assert lanes == ["", "large.example"]


def test_nothing_is_claimed_twice_or_left(store: Store) -> None:
    """However the turns fall."""
    mails = [*_from("a@a.example", 7), *_from("b@b.example", 1), *_from("c@c.example", 3)]
    store.add_mails(mails)

    claimed, after = [], ""
    while True:
        ids, lanes = _claimed(store, 4, after)
        if not ids:
            break
        claimed += ids
        after = lanes[-1]

    assert sorted(claimed) == sorted(mail.id for mail in mails)
