"""Keeps how many records there are of each kind that grows without end, so that asking costs the same at any number.

What waits is counted, for it is few. Of mails that are filed or deleted, and of all invoices, whoever writes them tells
the tally; of what was sent, which goes along with its invoice, triggers of the database do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, select, text, update
from sqlalchemy.engine import Connection

from storage.database.many_rows import insert_rows
from storage.records.invoices import Environment, InvoiceState
from storage.records.mails import MailState
from storage.tables.base import table_of
from storage.tables.retention import RetentionClockRow
from storage.tables.tally import TallyRow

FOLDED_TOGETHER = 10_000  # rows
MAIL, INVOICE, OUTBOUND, CALL = "mail", "invoice", "outbound", "call"  # how kinds begin

_TALLY = table_of(TallyRow)
_CLOCK = table_of(RetentionClockRow)
# One statement, so that both sides are as of one instant, whoever writes meanwhile.
_DIFFERENCES = text(
    "SELECT kind, sum(number) AS number FROM ("
    "SELECT 'mail ' || state AS kind, count(*) AS number FROM received_mail"
    " WHERE state IN ('filed', 'deleted') GROUP BY state"
    " UNION ALL SELECT 'invoice ' || state || ' ' || environment, count(*) FROM invoice"
    " GROUP BY state, environment"
    " UNION ALL SELECT 'outbound ' || state, count(*) FROM outbound_mail"
    " WHERE state NOT IN ('queued', 'held') GROUP BY state"
    " UNION ALL SELECT 'call ' || state, count(*) FROM webhook_delivery WHERE state <> 'waiting' GROUP BY state"
    " UNION ALL SELECT kind, -sum(number) FROM tally GROUP BY kind"
    ") AS counted_and_kept GROUP BY kind HAVING sum(number) <> 0 ORDER BY kind"
)


def mails(state: MailState) -> str:
    """The kind of mails that are filed, or deleted."""
    return f"{MAIL} {state}"


def invoices(state: InvoiceState, environment: Environment) -> str:
    """The kind of invoices in a state and an environment."""
    return f"{INVOICE} {state} {environment}"


def kept(of: str) -> Select[Any]:
    """State (of invoices with the environment) and number of each kind that begins with `of`."""
    kind, number = func.substr(TallyRow.kind, len(of) + 2), func.sum(TallyRow.number)
    return (
        select(kind.label("state"), number.label("number"))
        .where(TallyRow.kind.like(f"{of} %"))
        .group_by(kind)
    )


class Tally:
    """The table of kept numbers within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, numbers: Mapping[str, int]) -> None:
        """So many more of each kind, fewer when below zero; to be told in the transaction that makes it so.

        A row of its own for each: a sum that everybody adds to would make everybody wait.
        """
        rows = [{"kind": kind, "number": number} for kind, number in sorted(numbers.items()) if number]
        insert_rows(self._connection, _TALLY, rows)

    def counted_at(self) -> datetime | None:
        """When everything was counted last; None when it never was, and nothing here is to be relied on."""
        return self._connection.scalar(select(RetentionClockRow.counted_at))

    def invoices(self) -> dict[tuple[InvoiceState, Environment], int]:
        """How many invoices are in each state of each environment."""
        found: dict[tuple[InvoiceState, Environment], int] = {}
        for row in self._numbers(kept(INVOICE)):
            state, _, environment = row.state.partition(" ")
            found[InvoiceState(state), Environment(environment)] = int(row.number)
        return found

    def differences(self) -> dict[str, int]:
        """By how much each kind that is kept wrongly is more than is kept; reads everything, so it is asked seldom."""
        return {row.kind: int(row.number) for row in self._connection.execute(_DIFFERENCES)}

    def correct(self, differences: Mapping[str, int], *, seen: datetime | None, at: datetime) -> bool:
        """Adds what was found to differ; `seen` is `counted_at` from before, and what has been told since stays.

        False, and nothing is changed, when somebody else has counted meanwhile.
        """
        was_seen = _CLOCK.c.counted_at.is_(None) if seen is None else _CLOCK.c.counted_at == seen
        if not self._connection.execute(update(_CLOCK).where(was_seen).values(counted_at=at)).rowcount:
            return False
        self.add(differences)
        return True

    def fold(self) -> int:
        """Makes one row a kind of the oldest ones; of how many."""
        oldest = (
            select(TallyRow.id).order_by(TallyRow.id).limit(FOLDED_TOGETHER).with_for_update(skip_locked=True)
        )
        rows = self._connection.execute(
            delete(_TALLY).where(TallyRow.id.in_(oldest)).returning(_TALLY.c.kind, _TALLY.c.number)
        ).all()
        sums: dict[str, int] = {}
        for row in rows:
            sums[row.kind] = sums.get(row.kind, 0) + row.number
        self.add(sums)
        return len(rows)

    def _numbers(self, query: Select[Any]) -> list[Row[Any]]:
        return [row for row in self._connection.execute(query) if row.number]
