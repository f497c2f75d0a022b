"""The ledger of deletions: entries chained by their digests, added at the end and taken away at the beginning only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, text
from sqlalchemy.engine import Connection

from storage.database.straight import answers, carry_out
from storage.expiring.retention_records import ChainedEntry, LedgerEntry, LedgerEvent
from storage.tables.base import table_of
from storage.tables.retention import RetentionLedgerRow

FIRST = bytes(32)  # what the first entry of all is chained to
_LOCK = 0x1970_1CE6  # any number that only we use: PostgreSQL advisory lock of the end of the chain


def entry_digest(entry_id: int, previous: bytes, entry: LedgerEntry) -> bytes:
    """SHA-256 of an entry in its place, and with it of everything before it."""
    said = [
        entry_id,
        previous.hex(),
        entry.at.astimezone(UTC).isoformat(),
        str(entry.event),
        entry.subject_id,
        entry.rule,
        entry.content_digest.hex() if entry.content_digest is not None else None,
        entry.keep_until.astimezone(UTC).isoformat(),
    ]
    return hashlib.sha256(json.dumps(said, ensure_ascii=True, separators=(",", ":")).encode()).digest()


_LAST = (
    select(RetentionLedgerRow.id, RetentionLedgerRow.digest).order_by(RetentionLedgerRow.id.desc()).limit(1)
)
_ADD = insert(table_of(RetentionLedgerRow)).inline()
_IN_ORDER = select(
    RetentionLedgerRow.id,
    RetentionLedgerRow.at,
    RetentionLedgerRow.event,
    RetentionLedgerRow.subject_id,
    RetentionLedgerRow.rule,
    RetentionLedgerRow.content_digest,
    RetentionLedgerRow.keep_until,
    RetentionLedgerRow.previous,
    RetentionLedgerRow.digest,
).order_by(RetentionLedgerRow.id)
_OLDEST = _IN_ORDER.limit(bindparam("most"))
_TAKE_AWAY = delete(table_of(RetentionLedgerRow)).where(RetentionLedgerRow.id <= bindparam("up_to"))


class RetentionLedger:
    """The table of the ledger within one transaction; the last thing a transaction touches, as others wait for it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, entries: Sequence[LedgerEntry]) -> int:
        """Adds entries at the end, in their order; the number of the last one."""
        self._take_the_end()
        last = self._last()
        number, digest = last or (0, FIRST)
        rows = []
        for entry in entries:
            number, previous = number + 1, digest
            digest = entry_digest(number, previous, entry)
            rows.append(_values(ChainedEntry(id=number, entry=entry, previous=previous, digest=digest)))
        carry_out(self._connection, _ADD, rows)
        return number

    def fold(self, now: datetime, limit: int, keep_until: datetime) -> int:
        """Takes up to `limit` of the oldest entries away that have had their time; their number.

        An entry at the end says up to where and with which digest, so that the rest still proves that it is whole.
        """
        self._take_the_end()
        oldest = [_entry(*row) for row in answers(self._connection, _OLDEST, {"most": limit})]
        gone: list[ChainedEntry] = []
        for one in oldest:
            if one.entry.keep_until > now:
                break
            gone.append(one)
        if gone and gone[-1].id == (self._last() or (0, FIRST))[0]:
            gone.pop()  # the end stays, as the next entry is chained to it
        if all(one.entry.event is LedgerEvent.FOLDED for one in gone):
            return 0  # folding these alone would make as many
        folded = LedgerEntry(
            at=now,
            event=LedgerEvent.FOLDED,
            subject_id=None,
            rule=f"entries {gone[0].id} to {gone[-1].id} have had their time",
            content_digest=gone[-1].digest,
            keep_until=keep_until,
        )
        self.append([folded])
        carry_out(self._connection, _TAKE_AWAY, [{"up_to": gone[-1].id}])
        return len(gone)

    def foldable(self, now: datetime) -> int:
        """How many entries fold() would take away at `now`, all in all; an upper bound where times are mixed."""
        return (
            self._connection.scalar(
                select(func.count())
                .select_from(RetentionLedgerRow)
                .where(RetentionLedgerRow.keep_until <= now, RetentionLedgerRow.event != LedgerEvent.FOLDED)
            )
            or 0
        )

    def entries(self) -> Iterator[ChainedEntry]:
        """Every entry from the oldest on, without having all of them in memory."""
        for row in self._connection.execute(_IN_ORDER.execution_options(yield_per=1000)):
            yield _entry(*row)

    def began_at(self) -> datetime | None:
        """When the oldest entry was made; None when there is none."""
        row = self._connection.execute(
            select(RetentionLedgerRow.at).order_by(RetentionLedgerRow.id).limit(1)
        ).one_or_none()
        return row.at if row else None

    def told(self, event: LedgerEvent, subjects: Sequence[str]) -> set[str]:
        """Those of `subjects` that have an entry of this event."""
        query = select(RetentionLedgerRow.subject_id).where(
            RetentionLedgerRow.subject_id.in_(subjects), RetentionLedgerRow.event == event
        )
        return {str(subject) for subject in self._connection.scalars(query)}

    def of_event(
        self, event: LedgerEvent, after: int, limit: int, *, kept_after: datetime
    ) -> list[tuple[int, str]]:
        """Some entries of an event behind `after` that are kept beyond an instant: number and subject."""
        query = (
            select(RetentionLedgerRow.id, RetentionLedgerRow.subject_id)
            .where(
                RetentionLedgerRow.id > after,
                RetentionLedgerRow.event == event,
                RetentionLedgerRow.keep_until > kept_after,
            )
            .order_by(RetentionLedgerRow.id)
            .limit(limit)
        )
        return [(row.id, str(row.subject_id)) for row in self._connection.execute(query)]

    def _last(self) -> tuple[int, bytes] | None:
        for number, digest in answers(self._connection, _LAST, {}):
            return number, digest
        return None

    def _take_the_end(self) -> None:
        """Until the end of the transaction nobody else adds to the chain; on SQLite that holds anyway."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


def _values(chained: ChainedEntry) -> dict[str, Any]:
    entry = chained.entry
    return {
        "id": chained.id,
        "at": entry.at,
        "event": entry.event,
        "subject_id": entry.subject_id,
        "rule": entry.rule,
        "content_digest": entry.content_digest,
        "keep_until": entry.keep_until,
        "previous": chained.previous,
        "digest": chained.digest,
    }


def _entry(
    number: int,
    at: datetime,
    event: str,
    subject_id: str | None,
    rule: str,
    content_digest: bytes | None,
    keep_until: datetime,
    previous: bytes,
    digest: bytes,
) -> ChainedEntry:
    entry = LedgerEntry(
        at=at,
        event=LedgerEvent(event),
        subject_id=subject_id,
        rule=rule,
        content_digest=content_digest,
        keep_until=keep_until,
    )
    return ChainedEntry(id=number, entry=entry, previous=previous, digest=digest)
