"""Secrets by which programs of the companies ask for invoices: each belongs to one company and can be revoked."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Connection

from storage.errors import NotFound
from storage.ids import new_id
from storage.records.people import ApiToken
from storage.tables.programs import ApiTokenRow

PREFIX = "inv_"  # so that scanners of leaked secrets can tell what one is
NOTE_AFTER = timedelta(minutes=5)  # how exactly the last use is known; each note is a write


class ApiTokens:
    """The table of tokens within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def issue(self, account_id: str, name: str, *, at: datetime, by: str) -> tuple[ApiToken, str]:
        """A new token and its secret (256 bits), which is not kept and cannot be shown again."""
        secret = PREFIX + secrets.token_urlsafe(32)
        token = ApiToken(id=new_id(), account_id=account_id, name=name, created_at=at, created_by=by)
        self._connection.execute(
            insert(ApiTokenRow).values(
                id=token.id,
                account_id=account_id,
                name=name,
                token_digest=_digest(secret),
                created_at=at,
                created_by=by,
            )
        )
        return token, secret

    def live(self, secret: str) -> ApiToken | None:
        """The token with this secret, unless it was revoked."""
        row = self._connection.execute(
            select(ApiTokenRow.__table__).where(
                ApiTokenRow.token_digest == _digest(secret), ApiTokenRow.revoked_at.is_(None)
            )
        ).one_or_none()
        return _record(row) if row else None

    def used(self, token_id: str, at: datetime) -> None:
        """Notes that a token is in use; not more often than once in NOTE_AFTER (see `ApiToken.last_used_at`)."""
        self._connection.execute(
            update(ApiTokenRow).where(ApiTokenRow.id == token_id).values(last_used_at=at)
        )

    def of_account(self, account_id: str) -> list[ApiToken]:
        """The tokens of a company that were not revoked, oldest first."""
        rows = self._connection.execute(
            select(ApiTokenRow.__table__)
            .where(ApiTokenRow.account_id == account_id, ApiTokenRow.revoked_at.is_(None))
            .order_by(ApiTokenRow.id)
        )
        return [_record(row) for row in rows]

    def revoke(self, account_id: str, token_id: str, at: datetime) -> None:
        """Ends a token of this company. Raises NotFound, also for another company's."""
        ended = self._connection.execute(
            update(ApiTokenRow)
            .where(
                ApiTokenRow.account_id == account_id,
                ApiTokenRow.id == token_id,
                ApiTokenRow.revoked_at.is_(None),
            )
            .values(revoked_at=at)
        )
        if not ended.rowcount:
            raise NotFound(f"there is no token {token_id}")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def _record(row: Row[Any]) -> ApiToken:
    return ApiToken(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        created_at=row.created_at,
        created_by=row.created_by,
        last_used_at=row.last_used_at,
    )
