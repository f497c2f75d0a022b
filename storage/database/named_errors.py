"""Gives the errors of databases and disks the names of errors.py: by what the caller can do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc as sql

from storage.database.driver_errors import DRIVER_ERRORS, means_conflict, means_unavailable
from storage.errors import Conflict, StorageUnavailable


@contextmanager
def named_errors() -> Iterator[None]:
    """Whatever fails inside the block. Raises StorageUnavailable, Conflict."""
    try:
        yield
    except sql.IntegrityError as error:
        if means_unavailable(error.orig):
            raise StorageUnavailable(_first_line(error)) from error
        raise Conflict(_first_line(error)) from error
    except (sql.OperationalError, sql.InterfaceError, sql.InternalError, sql.TimeoutError) as error:
        raise StorageUnavailable(_first_line(error)) from error
    except sql.DBAPIError as error:
        # The bare DatabaseError is SQLite's "file is not a database".
        if error.connection_invalidated or type(error) is sql.DatabaseError:
            raise StorageUnavailable(_first_line(error)) from error
        raise
    except DRIVER_ERRORS as error:
        if means_conflict(error):
            raise Conflict(_first_line(error)) from error
        if means_unavailable(error):
            raise StorageUnavailable(_first_line(error)) from error
        raise
    except OSError as error:
        raise StorageUnavailable(f"{error.filename or 'the database'}: {error.strerror}") from error


def _first_line(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    return str(original).strip().partition("\n")[0]
