"""Says what errors of the database drivers mean to a caller (PEP 249)."""

from __future__ import annotations

import sqlite3

import psycopg

# What the triggers say that close a database which everything has moved from. Whoever runs on it still must not
# take that for a fault of the record: once it is started anew with the other database, the same call succeeds.
MOVED_AWAY = "this mailbox has moved to another database: set database.url to it, and start every part anew"

DRIVER_ERRORS = (sqlite3.Error, psycopg.Error)

_AWAY = (
    *(sqlite3.OperationalError, sqlite3.InterfaceError, sqlite3.InternalError),
    *(psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError),
)
_CONTRADICTION = (sqlite3.IntegrityError, psycopg.IntegrityError)


def means_unavailable(error: BaseException | None) -> bool:
    """Whether the same call may succeed later."""
    # The bare DatabaseError is SQLite's "file is not a database".
    return isinstance(error, _AWAY) or type(error) is sqlite3.DatabaseError or str(error) == MOVED_AWAY


def means_conflict(error: BaseException | None) -> bool:
    """Whether a record contradicts one that is there."""
    return isinstance(error, _CONTRADICTION) and not means_unavailable(error)
