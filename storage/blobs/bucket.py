"""Keeps mails in a bucket of an S3-compatible object store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from storage.errors import NotFound, StorageUnavailable

_RETRIES: Any = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
}
_CLIENT: Any = {"allow_http": True, "timeout": "30s", "connect_timeout": "5s"}
_DELETED_AT_ONCE = 1000  # as many as one request of S3 takes


class Bucket:
    """The objects below a prefix of a bucket; the store is reached at the first call."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self.url = f"s3://{bucket}/{prefix}" if prefix else f"s3://{bucket}"
        self._opened: Any = None

    def put(self, key: str, octets: bytes) -> None:
        """The store answers once the object is durable, and refuses octets that do not fit their checksum."""
        obstore, store = self._store()
        try:
            obstore.put(store, self._prefix + key, octets)
        except obstore.exceptions.BaseError as error:
            raise self._unavailable(error) from error

    def get(self, key: str) -> bytes:
        """The octets of an object."""
        obstore, store = self._store()
        try:
            return bytes(obstore.get(store, self._prefix + key).bytes())
        except (FileNotFoundError, obstore.exceptions.NotFoundError) as error:
            raise NotFound(f"{self.url} has no object {key}") from error
        except obstore.exceptions.BaseError as error:
            raise self._unavailable(error) from error

    def delete(self, keys: Sequence[str]) -> None:
        """In requests of many objects each."""
        obstore, store = self._store()
        paths = [self._prefix + key for key in keys]
        try:
            for start in range(0, len(paths), _DELETED_AT_ONCE):
                obstore.delete(store, paths[start : start + _DELETED_AT_ONCE])
        except (FileNotFoundError, obstore.exceptions.NotFoundError):
            return
        except obstore.exceptions.BaseError as error:
            raise self._unavailable(error) from error

    def _store(self) -> tuple[Any, Any]:
        # Imported when it is needed: most mailboxes have no bucket.
        import obstore  # noqa: PLC0415
        from obstore.store import S3Store  # noqa: PLC0415

        if self._opened is None:
            checksum: Any = {"checksum_algorithm": "SHA256"}
            try:
                self._opened = S3Store(
                    self._bucket, config=checksum, client_options=_CLIENT, retry_config=_RETRIES
                )
            except obstore.exceptions.BaseError as error:
                raise self._unavailable(error) from error
        return obstore, self._opened

    def _unavailable(self, error: Exception) -> StorageUnavailable:
        # The first line: what follows is how often it was tried, and the request.
        return StorageUnavailable(f"{self.url}: {str(error).strip().partition(chr(10))[0][:300]}")
