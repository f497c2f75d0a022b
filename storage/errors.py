"""What can go wrong with the store, named by what the caller can do about it."""


class StoreError(Exception):
    """The base of all errors of the store."""


class StorageUnavailable(StoreError):  # noqa: N818  -- the name says what to do: try again later
    """The store cannot answer now; the same call may succeed later."""


class SchemaMismatch(StoreError):  # noqa: N818
    """The database has another schema than this version needs; the message says what to run."""


class NotFound(StoreError):  # noqa: N818
    """There is no such record."""


class Conflict(StoreError):  # noqa: N818
    """The record contradicts one that is there, for example an address of another company account."""
