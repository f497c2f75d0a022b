"""The people who sign in to the portal, each found by the mailbox address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.engine import Connection

from storage.companies.account_keys import address_key
from storage.database.chunks import chunks
from storage.errors import Conflict, NotFound
from storage.records.people import Language, User
from storage.tables.people import PortalUserRow


class Users:
    """The table of users within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, user: User) -> None:
        """Adds a user. Raises Conflict when the address is another's, ValueError when it is none."""
        address = address_key(user.email).value
        if self._by_address(address) is not None:
            raise Conflict(f"there is a user with the address {user.email} already")
        self._connection.execute(
            insert(PortalUserRow).values(
                id=user.id,
                address=address,
                email=user.email,
                name=user.name,
                language=user.language,
                password_hash=user.password_hash,
                created_at=user.created_at,
                confirmed_at=user.confirmed_at,
            )
        )

    def get(self, user_id: str) -> User:
        """One user. Raises NotFound."""
        found = self.by_ids([user_id])
        if not found:
            raise NotFound(f"there is no user {user_id}")
        return found[user_id]

    def by_ids(self, ids: Iterable[str]) -> dict[str, User]:
        """Users by id; ids without a user are left out."""
        return {
            row.id: _record(row)
            for chunk in chunks(ids)
            for row in self._connection.execute(
                select(PortalUserRow.__table__).where(PortalUserRow.id.in_(chunk))
            )
        }

    def by_email(self, email: str) -> User | None:
        """The user with this address, whatever its case; None also for what is no address."""
        try:
            return self._by_address(address_key(email).value)
        except ValueError:
            return None

    def confirm(self, user_id: str, at: datetime) -> None:
        """Notes that the mailbox was proven; the first time counts."""
        self._connection.execute(
            update(PortalUserRow)
            .where(PortalUserRow.id == user_id, PortalUserRow.confirmed_at.is_(None))
            .values(confirmed_at=at)
        )

    def set_password_hash(self, user_id: str, password_hash: str) -> None:
        """Replaces the hash of the password."""
        self._change(user_id, password_hash=password_hash)

    def set_language(self, user_id: str, language: Language) -> None:
        """What pages and mails for this user are written in."""
        self._change(user_id, language=language)

    def set_name(self, user_id: str, name: str) -> None:
        """What other members of the companies see."""
        self._change(user_id, name=name)

    def confirmed(self, user: User, at: datetime) -> User:
        """The user with the mailbox proven; added when there is none with this address yet.

        Name, language and password of one that was there before stay as they are: a mailbox that is proven once more
        changes nothing that its owner set.
        """
        known = self.by_email(user.email)
        if known is None:
            added = replace(user, confirmed_at=at)
            self.add(added)
            return added
        self.confirm(known.id, at)
        if known.password_hash is None and user.password_hash is not None:
            self.set_password_hash(known.id, user.password_hash)
            self.set_name(known.id, user.name or known.name)
        return self.get(known.id)

    def _change(self, user_id: str, **values: object) -> None:
        self._connection.execute(update(PortalUserRow).where(PortalUserRow.id == user_id).values(**values))

    def _by_address(self, address: str) -> User | None:
        row = self._connection.execute(
            select(PortalUserRow.__table__).where(PortalUserRow.address == address)
        ).one_or_none()
        return _record(row) if row else None


def _record(row: Row[Any]) -> User:
    return User(
        id=row.id,
        email=row.email,
        name=row.name,
        language=Language(row.language),
        password_hash=row.password_hash,
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
    )
