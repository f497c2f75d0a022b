"""What every place can do, and which one a URL names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from storage.blobs.bucket import Bucket
from storage.blobs.folder import Folder

IN_THE_DATABASE = "database:"


class BlobPlace(Protocol):
    """Keeps whole mails by key. Every call raises StorageUnavailable where the place cannot be reached."""

    @property
    def url(self) -> str:
        """Where it is, without secrets."""

    def put(self, key: str, octets: bytes) -> None:
        """Durable on return. The same key again takes the place of what was there."""

    def get(self, key: str) -> bytes:
        """Raises NotFound."""

    def delete(self, keys: Sequence[str]) -> None:
        """What is not there is fine."""


@lru_cache(maxsize=16)
def open_place(url: str) -> BlobPlace | None:
    """The place at "file:///FOLDER" or "s3://BUCKET/PREFIX"; None for the database itself.

    A bucket's region, endpoint and credentials come from where every S3 client looks for them (AWS_REGION,
    AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, the role of the machine). Raises ValueError for anything else.
    """
    if url == IN_THE_DATABASE:
        return None
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return Folder(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc and not parts.query:
        return Bucket(parts.netloc, parts.path.strip("/"))
    raise ValueError('expected "database:", "file:///FOLDER" or "s3://BUCKET/PREFIX"')
