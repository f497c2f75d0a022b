"""What opens the triggers that hold retention off, within one transaction; what is known of time; what was counted."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.engine import Connection

from storage.database.straight import carry_out
from storage.expiring.retention_records import ClockOnRecord
from storage.tables.base import table_of
from storage.tables.mails import ReceivedMailRow
from storage.tables.retention import RetentionClockRow, RetentionPermitRow

_MAKE_ROW = text(
    "INSERT INTO retention_clock (id, productive_deleted, test_deleted, mails_deleted) VALUES (1, 0, 0, 0)"
    " ON CONFLICT (id) DO NOTHING"
)
_COUNT = update(RetentionClockRow.__table__).values(  # type: ignore[arg-type]  # declared as FromClause, it is a Table
    productive_deleted=RetentionClockRow.productive_deleted + bindparam("productive"),
    test_deleted=RetentionClockRow.test_deleted + bindparam("test"),
    mails_deleted=RetentionClockRow.mails_deleted + bindparam("mails"),
)
_OPEN = insert(table_of(RetentionPermitRow)).inline()
_CLOSE = delete(table_of(RetentionPermitRow))
_SQLITE_NOW = text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")


class RetentionGate:
    """The tables of permits and of the clock within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open_for_drill(self, as_if: datetime, ledger_id: int) -> None:
        """The triggers take it for `as_if` until close(); `ledger_id` is the entry of the drill."""
        self._permit("drill", as_if, ledger_id)

    def open_for_rescheduling(self, ledger_id: int) -> None:
        """Expiries may come nearer until close(); `ledger_id` is the entry of the rescheduling."""
        self._permit("reschedule", None, ledger_id)

    def close(self) -> None:
        """To be called before the transaction ends: a permit is never to be committed."""
        carry_out(self._connection, _CLOSE, [{}])

    def permits(self) -> int:
        """How many permits are committed; anything but none is somebody's doing."""
        return self._connection.scalar(select(func.count()).select_from(RetentionPermitRow)) or 0

    def clock(self) -> ClockOnRecord:
        """The database's own time, and what is on record about time."""
        row = self._connection.execute(select(RetentionClockRow.__table__)).one_or_none()
        newest = select(ReceivedMailRow.received_at).order_by(ReceivedMailRow.id.desc()).limit(1)
        return ClockOnRecord(
            database_now=self._database_now(),
            newest=self._connection.scalar(newest),
            seen_at=row.seen_at if row else None,
            distrusted_at=row.distrusted_at if row else None,
        )

    def see(self, now: datetime) -> None:
        """A run whose clock is right has begun."""
        self._make_row()
        self._connection.execute(update(RetentionClockRow).values(seen_at=now))

    def distrust(self, newest: datetime | None) -> None:
        """An operator says that the clock is right, and `newest` was on record by a wrong one."""
        self._make_row()
        self._connection.execute(update(RetentionClockRow).values(distrusted_at=newest))

    def warned_until(self) -> datetime | None:
        """Up to which expiry companies were warned; locked for this transaction."""
        self._make_row()
        return self._connection.scalar(select(RetentionClockRow.warned_until).with_for_update())

    def warn_until(self, until: datetime) -> None:
        """They are warned up to there now."""
        self._connection.execute(update(RetentionClockRow).values(warned_until=until))

    def count(self, *, productive: int = 0, test: int = 0, mails: int = 0) -> None:
        """Adds to what has been deleted since the beginning."""
        self._make_row()
        carry_out(self._connection, _COUNT, [{"productive": productive, "test": test, "mails": mails}])

    def counted(self) -> dict[str, int]:
        """What has been deleted since the beginning: productive and test invoices, mails."""
        row = self._connection.execute(select(RetentionClockRow.__table__)).one_or_none()
        if row is None:
            return {"productive": 0, "test": 0, "mails": 0}
        return {"productive": row.productive_deleted, "test": row.test_deleted, "mails": row.mails_deleted}

    def _make_row(self) -> None:
        # Not by the migration, for a restore fills tables that are empty.
        carry_out(self._connection, _MAKE_ROW, [{}])

    def _permit(self, kind: str, as_if: datetime | None, ledger_id: int) -> None:
        carry_out(self._connection, _OPEN, [{"kind": kind, "as_if": as_if, "ledger_id": ledger_id}])

    def _database_now(self) -> datetime:
        if self._connection.dialect.name == "postgresql":
            now: datetime = self._connection.execute(text("SELECT now()")).scalar_one()
            return now.astimezone(UTC)
        return datetime.fromisoformat(self._connection.execute(_SQLITE_NOW).scalar_one()).replace(tzinfo=UTC)
