"""Reads what an inbox is asked for from the address of its page, and writes it back into links."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from portal.wording import ZONE
from storage.filed.inbox_query import Cursor, InboxOrder, InboxQuery, InboxState
from storage.filed.inbox_words import UNKNOWN_AMOUNT, cents
from storage.records.invoices import Environment

_Choice = TypeVar("_Choice", bound=StrEnum)

MOST_CHARACTERS = 200
ASCENDING_FIRST = {InboxOrder.PARTNER, InboxOrder.NUMBER}
_NAMES = ("q", "state", "environment", "partner", "from", "to", "min", "max", "sort", "dir", "at")


@dataclass(frozen=True, slots=True)
class InboxForm:
    """The fields of the page as somebody filled them in; what cannot be understood counts as empty."""

    fields: Mapping[str, str]

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> InboxForm:
        """The fields of an address."""
        given = {name: parameters.get(name, "").strip()[:MOST_CHARACTERS] for name in _NAMES}
        given["at"] = parameters.get("at", "")[:1200]
        return cls({name: value.replace("\0", "") for name, value in given.items() if value})

    def field(self, name: str) -> str:
        """What stands in a field."""
        return self.fields.get(name, "")

    @property
    def query(self) -> InboxQuery:
        """What is asked for."""
        order = _one_of(InboxOrder, self.field("sort")) or InboxOrder.RECEIVED
        last_day = _day(self.field("to"))
        return InboxQuery(
            state=_one_of(InboxState, self.field("state")),
            environment=_one_of(Environment, self.field("environment")),
            partner=self.field("partner") or None,
            text=self.field("q"),
            received_from=_begins(_day(self.field("from"))),
            received_before=_begins(last_day + timedelta(days=1)) if last_day else None,
            amount_from=_amount(self.field("min")),
            amount_to=_amount(self.field("max")),
            order=order,
            descending=self.field("dir") != "up" if self.field("dir") else order not in ASCENDING_FIRST,
            at=Cursor.read(self.field("at"), order) if self.field("at") else None,
        )

    @property
    def narrowed(self) -> int:
        """How many filters are set, those behind "more filters"."""
        return sum(bool(self.field(name)) for name in ("environment", "partner", "from", "to", "min", "max"))

    @property
    def filtered(self) -> bool:
        """Whether anything is left out."""
        return bool(self.narrowed or self.field("q") or self.field("state"))

    def link(self, **changes: str | None) -> str:
        """The query of a link to the same list with some fields changed; its first page unless `at` is given."""
        fields = {
            **self.fields,
            "at": "",
            **{name.rstrip("_"): value or "" for name, value in changes.items()},
        }
        return "?" + urlencode({name: fields[name] for name in _NAMES if fields.get(name)})

    def sorted_by(self, order: str) -> str:
        """The query of a link that sorts by something, the other way round when it is sorted so already."""
        query = self.query
        up = InboxOrder(order) in ASCENDING_FIRST
        if query.order == order:
            up = query.descending
        return self.link(sort=order, dir="up" if up else "down")


def _one_of(kind: type[_Choice], value: str) -> _Choice | None:
    return kind(value) if value in set(kind) else None


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 <= found.year <= 9000 else None


def _begins(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), ZONE) if day else None


def _amount(text: str) -> int | None:
    """An amount as German or English people write it, in hundredths."""
    bare = re.sub(r"[\s'€]", "", text)
    if re.fullmatch(r"-?\d{1,3}(\.\d{3})+(,\d{1,2})?|-?\d+,\d{1,2}", bare):
        bare = bare.replace(".", "").replace(",", ".")
    else:
        bare = bare.replace(",", "")
    found = cents(bare)
    return None if found == UNKNOWN_AMOUNT else found
