"""Identifiers that an account claims and has not proven yet: no rule of matching looks here."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.engine import Connection

from storage.companies.account_keys import AccountKey, KeyKind
from storage.errors import NotFound
from storage.tables.companies import AccountClaimRow

LIFE = timedelta(days=14)  # to prove a claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A key that an account wants to be found by."""

    account_id: str
    key: AccountKey
    shown: str  # as it was entered
    token: str  # to be published in the DNS of a domain; no secret
    created_at: datetime
    expires_at: datetime


class Claims:
    """The table of claims within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, account_id: str, key: AccountKey, shown: str, now: datetime) -> tuple[Claim, str]:
        """A claim, and the code that proves it when it comes back from a mailbox; instead of an earlier claim.

        Several accounts may claim the same: who proves it first has it.
        """
        code = secrets.token_hex(8).upper()
        claim = Claim(
            account_id=account_id,
            key=key,
            shown=shown,
            token=secrets.token_hex(16),
            created_at=now,
            expires_at=now + LIFE,
        )
        self.remove(account_id, key)
        self._connection.execute(
            insert(AccountClaimRow).values(
                account_id=account_id,
                kind=key.kind,
                value=key.value,
                shown=shown,
                token=claim.token,
                code_digest=_digest(code),
                created_at=now,
                expires_at=claim.expires_at,
            )
        )
        return claim, code

    def get(self, account_id: str, text: str, now: datetime) -> Claim:
        """The live claim of an account to what is written like this. Raises NotFound."""
        return _record(self._row(account_id, text, now))

    def is_proven_by(self, account_id: str, text: str, code: str, now: datetime) -> bool:
        """Whether this is the code that was sent for the claim. Raises NotFound."""
        row = self._row(account_id, text, now)
        return hmac.compare_digest(row.code_digest, _digest("".join(code.split()).upper()))

    def of_account(self, account_id: str, now: datetime) -> list[Claim]:
        """The live claims of an account, the oldest first."""
        query = select(AccountClaimRow.__table__).where(
            AccountClaimRow.account_id == account_id, AccountClaimRow.expires_at > now
        )
        return [_record(row) for row in self._connection.execute(query.order_by(AccountClaimRow.created_at))]

    def newest(self, now: datetime, limit: int) -> list[Claim]:
        """Live claims of all accounts, newest first."""
        query = select(AccountClaimRow.__table__).where(AccountClaimRow.expires_at > now)
        ordered = query.order_by(AccountClaimRow.created_at.desc(), AccountClaimRow.account_id).limit(limit)
        return [_record(row) for row in self._connection.execute(ordered)]

    def remove(self, account_id: str, key: AccountKey) -> None:
        """Takes a claim away."""
        self._connection.execute(
            delete(AccountClaimRow).where(
                AccountClaimRow.account_id == account_id,
                AccountClaimRow.kind == key.kind,
                AccountClaimRow.value == key.value,
            )
        )

    def _row(self, account_id: str, text: str, now: datetime) -> Row[Any]:
        rows = self._connection.execute(
            select(AccountClaimRow.__table__).where(
                AccountClaimRow.account_id == account_id,
                AccountClaimRow.expires_at > now,
                (AccountClaimRow.shown == text) | (AccountClaimRow.value == text),
            )
        ).all()
        if not rows:
            raise NotFound(f'there is no claim to "{text}", or its time is over; `account claim` makes one')
        return rows[0]


def _record(row: Row[Any]) -> Claim:
    return Claim(
        account_id=row.account_id,
        key=AccountKey(KeyKind(row.kind), row.value),
        shown=row.shown,
        token=row.token,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
