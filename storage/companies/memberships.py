"""Who belongs to which company, in what role, and whether that is decided yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, func, insert, select, update
from sqlalchemy.engine import Connection

from storage.companies.account_keys import domain_key
from storage.database.chunks import chunks
from storage.errors import Conflict, NotFound
from storage.records.people import Membership, MembershipState, Role
from storage.tables.companies import CompanyAccountRow, JoiningDomainRow
from storage.tables.people import MembershipRow, PortalUserRow

_ADMINISTRATES = (MembershipRow.role == Role.ADMINISTRATOR) & (MembershipRow.state == MembershipState.ACTIVE)


class Memberships:
    """The tables of memberships and joining domains within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, membership: Membership) -> None:
        """Adds a membership, or replaces the one of the same person with the same company."""
        values = {
            "role": membership.role,
            "state": membership.state,
            "notify": membership.notify,
            "created_at": membership.created_at,
            "decided_at": membership.decided_at,
            "decided_by": membership.decided_by,
            "reason": membership.reason,
        }
        of_both = (MembershipRow.account_id == membership.account_id) & (
            MembershipRow.user_id == membership.user_id
        )
        if self._connection.execute(update(MembershipRow).where(of_both).values(**values)).rowcount:
            return
        self._connection.execute(
            insert(MembershipRow).values(
                account_id=membership.account_id, user_id=membership.user_id, **values
            )
        )

    def find(self, account_id: str, user_id: str) -> Membership | None:
        """The standing of a person with a company, whatever its state."""
        found = self._select(MembershipRow.account_id == account_id, MembershipRow.user_id == user_id)
        return found[0] if found else None

    def get(self, account_id: str, user_id: str) -> Membership:
        """The same. Raises NotFound."""
        found = self.find(account_id, user_id)
        if found is None:
            raise NotFound(f"{user_id} has nothing to do with the account {account_id}")
        return found

    def of_user(self, user_id: str) -> list[Membership]:
        """All of a person, whatever their state, oldest first."""
        return self._select(MembershipRow.user_id == user_id)

    def of_account(self, account_id: str) -> list[Membership]:
        """All of a company, whatever their state, oldest first."""
        return self._select(MembershipRow.account_id == account_id)

    def active(self, account_ids: Iterable[str]) -> list[Membership]:
        """The active ones of some companies, oldest first."""
        return [
            membership
            for chunk in chunks(account_ids)
            for membership in self._select(
                MembershipRow.account_id.in_(chunk), MembershipRow.state == MembershipState.ACTIVE
            )
        ]

    def accounts_of_addresses(self, addresses: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The accounts with a confirmed user at each of some addresses (in normal form), where that is active."""
        found: dict[str, list[str]] = defaultdict(list)
        query = (
            select(PortalUserRow.address, MembershipRow.account_id)
            .join(MembershipRow, MembershipRow.user_id == PortalUserRow.id)
            .where(MembershipRow.state == MembershipState.ACTIVE, PortalUserRow.confirmed_at.is_not(None))
            .order_by(MembershipRow.created_at, MembershipRow.account_id)
        )
        for chunk in chunks(addresses):
            for address, account_id in self._connection.execute(
                query.where(PortalUserRow.address.in_(chunk))
            ):
                found[address].append(account_id)
        return {address: tuple(ids) for address, ids in found.items()}

    def administrators(self, account_id: str) -> list[Membership]:
        """The active administrators of a company, oldest first."""
        return self._select(MembershipRow.account_id == account_id, _ADMINISTRATES)

    def hold_still(self, account_id: str) -> None:
        """Keeps others from deciding about this company's members until this transaction ends.

        Two administrators who remove each other at the same moment would else leave the company without one.
        """
        self._connection.execute(
            select(CompanyAccountRow.id).where(CompanyAccountRow.id == account_id).with_for_update()
        )

    def decide(
        self,
        account_id: str,
        user_id: str,
        *,
        state: MembershipState,
        at: datetime,
        by: str,
        reason: str | None,
    ) -> None:
        """Changes the state of a membership. Raises NotFound, and Conflict for the last administrator."""
        self.hold_still(account_id)
        if state is not MembershipState.ACTIVE:
            self._leave_one(account_id, user_id)
        self._update(account_id, user_id, state=state, decided_at=at, decided_by=by, reason=reason)

    def leave(self, account_id: str, user_id: str, at: datetime) -> None:
        """A person leaves. Raises NotFound, and Conflict for the last administrator of others."""
        self.hold_still(account_id)
        if self.active([account_id]) != [self.get(account_id, user_id)]:
            self._leave_one(account_id, user_id)
        self._update(
            account_id,
            user_id,
            state=MembershipState.REMOVED,
            decided_at=at,
            decided_by=user_id,
            reason=None,
        )

    def set_role(self, account_id: str, user_id: str, role: Role) -> None:
        """Changes the role of a membership. Raises NotFound, and Conflict for the last administrator."""
        self.hold_still(account_id)
        if role is not Role.ADMINISTRATOR:
            self._leave_one(account_id, user_id)
        self._update(account_id, user_id, role=role)

    def set_notify(self, account_id: str, user_id: str, notify: bool) -> None:
        """Whether this person wants mails about new invoices of this company. Raises NotFound."""
        self._update(account_id, user_id, notify=notify)

    def counts_waiting(self, account_ids: Iterable[str]) -> dict[str, int]:
        """How many people wait for a decision, by company; companies where nobody waits are left out."""
        return {
            account_id: count
            for chunk in chunks(account_ids)
            for account_id, count in self._connection.execute(
                select(MembershipRow.account_id, func.count())
                .where(MembershipRow.account_id.in_(chunk), MembershipRow.state == MembershipState.WAITING)
                .group_by(MembershipRow.account_id)
            )
        }

    def joining_domains(self, account_id: str) -> list[str]:
        """The domains whose people join this company without asking."""
        query = select(JoiningDomainRow.domain).where(JoiningDomainRow.account_id == account_id)
        return list(self._connection.scalars(query.order_by(JoiningDomainRow.domain)))

    def add_joining_domain(self, account_id: str, domain: str, *, at: datetime, by: str) -> None:
        """Lets people of `domain` join without asking; nothing happens when they may already. Raises ValueError."""
        value = domain_key(domain).value
        if value not in self.joining_domains(account_id):
            self._connection.execute(
                insert(JoiningDomainRow).values(account_id=account_id, domain=value, added_at=at, added_by=by)
            )

    def remove_joining_domain(self, account_id: str, domain: str) -> None:
        """People of `domain` have to ask from now on."""
        self._connection.execute(
            delete(JoiningDomainRow).where(
                JoiningDomainRow.account_id == account_id, JoiningDomainRow.domain == domain
            )
        )

    def without_administrator(self) -> list[str]:
        """The registered companies that no active administrator belongs to, by id."""
        administrated = exists().where(MembershipRow.account_id == CompanyAccountRow.id, _ADMINISTRATES)
        query = select(CompanyAccountRow.id).where(CompanyAccountRow.status == "registered", ~administrated)
        return list(self._connection.scalars(query.order_by(CompanyAccountRow.id)))

    def _leave_one(self, account_id: str, user_id: str) -> None:
        if [one.user_id for one in self.administrators(account_id)] == [user_id]:
            raise Conflict("this is the only administrator of the company; appoint another one first")

    def _update(self, account_id: str, user_id: str, **values: object) -> None:
        changed = self._connection.execute(
            update(MembershipRow)
            .where(MembershipRow.account_id == account_id, MembershipRow.user_id == user_id)
            .values(**values)
        )
        if not changed.rowcount:
            raise NotFound(f"{user_id} has nothing to do with the account {account_id}")

    def _select(self, *conditions: ColumnElement[bool]) -> list[Membership]:
        query = select(MembershipRow.__table__).where(*conditions)
        ordered = query.order_by(MembershipRow.created_at, MembershipRow.user_id)
        return [_record(row) for row in self._connection.execute(ordered)]


def _record(row: Row[Any]) -> Membership:
    return Membership(
        account_id=row.account_id,
        user_id=row.user_id,
        role=Role(row.role),
        state=MembershipState(row.state),
        created_at=row.created_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
        notify=row.notify,
    )
