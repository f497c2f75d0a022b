"""Finds in the plans of statements which tables would be read whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection

from storage.store import Store

Asked = tuple[str, Any]  # a statement and its values

# Indexes of what waits: as small as that, however much is on record.
OF_WHAT_WAITS = {
    *("ix_received_mail_queue", "ix_received_mail_lane", "ix_received_mail_quarantine"),
    *(
        "ix_outbound_mail_queue",
        "ix_outbound_mail_held",
        "ix_webhook_delivery_queue",
        "ix_invoice_unvalidated",
    ),
}
GROWING = "received_mail|invoice|history_event|inbox_entry|outbound_mail|webhook_delivery|mail_octets"
_IN_POSTGRESQL = re.compile(rf"(?:Seq Scan|Bitmap Heap Scan) on ({GROWING})\b")
_IN_SQLITE = re.compile(rf"^SCAN ({GROWING})\b(?: USING (?:COVERING )?INDEX (\w+))?")
_ONE = re.compile(r"ORDER BY \w+\.id DESC\s+LIMIT")  # the last of all, which ends a scan at its first step


@contextmanager
def asked(store: Store) -> Iterator[list[Asked]]:
    """What is asked of the database meanwhile."""
    statements: list[Asked] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        statements.append((statement, values))

    event.listen(store._engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(store._engine, "before_cursor_execute", note)


def read_whole(store: Store, statements: Iterable[Asked]) -> list[tuple[str, str]]:
    """Growing tables that a statement goes through from end to end, with the statement."""
    found = []
    with store._reading() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(
                "SET LOCAL enable_seqscan = off"
            )  # of tables that are empty it prefers it
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        for statement, values in statements:
            if statement.startswith(("SELECT", "WITH", "UPDATE", "DELETE")) and not _ONE.search(statement):
                found += [(table, statement) for table in _whole(connection, statement, values)]
    return found


def _whole(connection: Connection, statement: str, values: Any) -> list[str]:
    if connection.dialect.name == "postgresql":
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars()
        return [table for step in plan for table in _IN_POSTGRESQL.findall(step)]
    steps = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    scans = [found for step in steps if (found := _IN_SQLITE.search(step))]
    return [scan[1] for scan in scans if scan[2] not in OF_WHAT_WAITS]
