"""Reads long lists a portion at a time, each in a transaction of its own, so that ten million take no more memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from cli.forms import Form
from storage.ids import first_id
from storage.store import Store
from storage.transaction import Transaction

PORTION = 500
_CLOCKS_APART = timedelta(days=1)  # of the machine that answered 250 and the one that filed

Record = TypeVar("Record")


def in_portions(
    store: Store,
    portion: Callable[[Transaction, Record | None, int], list[Record]],
    forms: Callable[[Transaction, list[Record]], list[Form]],
) -> Iterator[Form]:
    """The forms of all records; `portion` gives some of those behind one. Whoever reads slowly holds up no database."""
    last: Record | None = None
    while True:
        with store.reading() as records:
            some = portion(records, last, PORTION)
            shown = forms(records, some)
        yield from shown
        if len(some) < PORTION:
            return
        last = some[-1]


def ids_since(since: datetime | None, now: datetime) -> str:
    """What the ids of everything received since then are not below: they are in the order of time, and have an index.

    A day is allowed for clocks; and what a clock dated ahead of `now` has an id of its time all the same.
    """
    return first_id(min(since, now) - _CLOCKS_APART) if since is not None else ""
