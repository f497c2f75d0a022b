"""What people prove beside their passwords: authenticator apps, passkeys, recovery codes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from storage.errors import NotFound
from storage.records.factors import Authenticator, Factors, Passkey
from storage.tables.people import AuthenticatorRow, PasskeyRow, RecoveryCodeRow


class FactorRecords:
    """Their tables within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_user(self, user_id: str) -> Factors:
        """All that a person has."""
        row = self._connection.execute(
            select(AuthenticatorRow.__table__).where(AuthenticatorRow.user_id == user_id)
        ).one_or_none()
        codes = self._connection.scalar(
            select(func.count()).select_from(RecoveryCodeRow).where(RecoveryCodeRow.user_id == user_id)
        )
        return Factors(
            authenticator=_authenticator(row) if row else None,
            passkeys=tuple(self._passkeys(PasskeyRow.user_id == user_id)),
            recovery_codes=codes or 0,
        )

    def set_authenticator(self, authenticator: Authenticator, step: int) -> None:
        """Sets or replaces the app of a person; `step` is that of the one-time password which proved it."""
        self.remove_authenticator(authenticator.user_id)
        self._connection.execute(
            insert(AuthenticatorRow).values(
                user_id=authenticator.user_id,
                secret_id=authenticator.secret_id,
                secret_digest=authenticator.secret_digest,
                set_at=authenticator.set_at,
                last_step=step,
            )
        )

    def use_step(self, user_id: str, step: int) -> bool:
        """Whether a one-time password of this step is used for the first time, and none of a later one was."""
        used = self._connection.execute(
            update(AuthenticatorRow)
            .where(AuthenticatorRow.user_id == user_id, AuthenticatorRow.last_step < step)
            .values(last_step=step)
        )
        return bool(used.rowcount)

    def remove_authenticator(self, user_id: str) -> None:
        """The app is not asked any more."""
        self._connection.execute(delete(AuthenticatorRow).where(AuthenticatorRow.user_id == user_id))

    def replace_recovery_codes(self, user_id: str, digests: Iterable[bytes], at: datetime) -> None:
        """New recovery codes; those before are good for nothing."""
        self._connection.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.user_id == user_id))
        rows = [{"user_id": user_id, "code_digest": digest, "made_at": at} for digest in digests]
        if rows:
            self._connection.execute(insert(RecoveryCodeRow), rows)

    def use_recovery_code(self, user_id: str, digest: bytes) -> bool:
        """Whether this is a recovery code of the person; it is gone then."""
        used = self._connection.execute(
            delete(RecoveryCodeRow).where(
                RecoveryCodeRow.user_id == user_id, RecoveryCodeRow.code_digest == digest
            )
        )
        return bool(used.rowcount)

    def add_passkey(self, passkey: Passkey) -> None:
        """Adds a passkey. Raises Conflict when somebody has it already."""
        self._connection.execute(
            insert(PasskeyRow).values(
                id=passkey.id,
                user_id=passkey.user_id,
                credential_id=passkey.credential_id,
                public_key=passkey.public_key,
                sign_count=passkey.sign_count,
                name=passkey.name,
                added_at=passkey.added_at,
            )
        )

    def passkey(self, credential_id: bytes) -> Passkey | None:
        """The passkey of this id, whosever it is."""
        found = self._passkeys(PasskeyRow.credential_id == credential_id)
        return found[0] if found else None

    def use_passkey(self, passkey: Passkey, sign_count: int, at: datetime) -> bool:
        """Notes a use; False where another one was noted meanwhile, or its counter stands still (a copy of it)."""
        grown = or_(PasskeyRow.sign_count < sign_count, PasskeyRow.sign_count == 0)
        used = self._connection.execute(
            update(PasskeyRow)
            .where(PasskeyRow.id == passkey.id, PasskeyRow.sign_count == passkey.sign_count, grown)
            .values(sign_count=sign_count, used_at=at)
        )
        return bool(used.rowcount)

    def remove_passkey(self, user_id: str, passkey_id: str) -> None:
        """Removes a passkey of this person. Raises NotFound, also for another's."""
        gone = self._connection.execute(
            delete(PasskeyRow).where(PasskeyRow.user_id == user_id, PasskeyRow.id == passkey_id)
        )
        if not gone.rowcount:
            raise NotFound(f"there is no passkey {passkey_id}")

    def remove_all(self, user_id: str) -> None:
        """From now on the password alone is enough."""
        for table in (AuthenticatorRow, PasskeyRow, RecoveryCodeRow):
            self._connection.execute(delete(table).where(table.user_id == user_id))

    def _passkeys(self, condition: ColumnElement[bool]) -> list[Passkey]:
        query = select(PasskeyRow.__table__).where(condition).order_by(PasskeyRow.id)
        return [_passkey(row) for row in self._connection.execute(query)]


def _authenticator(row: Row[Any]) -> Authenticator:
    return Authenticator(
        user_id=row.user_id, secret_id=row.secret_id, secret_digest=row.secret_digest, set_at=row.set_at
    )


def _passkey(row: Row[Any]) -> Passkey:
    return Passkey(
        id=row.id,
        user_id=row.user_id,
        credential_id=row.credential_id,
        public_key=row.public_key,
        sign_count=row.sign_count,
        name=row.name,
        added_at=row.added_at,
        used_at=row.used_at,
    )
