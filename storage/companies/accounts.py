"""Company accounts and the keys by which they are found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.engine import Connection

from storage.companies.account_keys import (
    AccountKey,
    KeyKind,
    address_key,
    customer_number_key,
    domain_key,
    identifier_key,
    name_key,
    parse_identifier,
    split_address,
    vat_id_key,
)
from storage.companies.freemail import is_freemail
from storage.companies.key_rows import owners_of
from storage.database.chunks import chunks
from storage.database.many_rows import insert_rows
from storage.errors import Conflict, NotFound
from storage.records.companies import AccountStatus, CompanyAccount, Proof, RememberedDecision, WarningPolicy
from storage.records.people import MembershipState
from storage.tables.base import table_of
from storage.tables.companies import AccountKeyRow, CompanyAccountRow
from storage.tables.people import MembershipRow, PortalUserRow


class Accounts:
    """The tables of company accounts within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, account: CompanyAccount) -> None:
        """Adds an account with its keys.

        Raises Conflict when a key belongs to another account, ValueError when one has no valid form.
        """
        self.add_all([account])

    def add_all(self, accounts: Sequence[CompanyAccount]) -> None:
        """Adds accounts with their keys. Raises what `add` does, also for a key that two of them have."""
        if not accounts:
            return
        keys = [(account, keys_of(account)) for account in accounts]
        for key, owner_id in self.owners(key for _, found in keys for key in found).items():
            raise Conflict(_belongs(key, self.get(owner_id)))
        rows = [
            {
                "id": account.id,
                "name": account.name,
                "status": account.status,
                "created_at": account.registered_at or account.invited_at,
                "invited_at": account.invited_at,
                "registered_at": account.registered_at,
            }
            for account in accounts
        ]
        insert_rows(self._connection, table_of(CompanyAccountRow), rows)
        self._add_keys((account.id, key, shown) for account, found in keys for key, shown in found.items())
        for account in accounts:
            if account.status is AccountStatus.REGISTERED:
                self._enter_name(account.id, account.name)

    def owners(self, keys: Iterable[AccountKey]) -> dict[AccountKey, str]:
        """The ids of the accounts to which any of `keys` belong, by key."""
        wanted = (key for key in keys if key.kind is not KeyKind.USER)
        row = AccountKeyRow
        return owners_of(self._connection, row.kind, row.value, row.account_id, wanted)

    def extend(self, account_id: str, keys: CompanyAccount) -> None:
        """Gives an account the further keys of `keys`; those it has already are passed over.

        Raises Conflict when a key belongs to another account, ValueError when one has no valid form.
        """
        wanted = keys_of(keys)
        owners = self.owners(wanted)
        for key, owner_id in owners.items():
            if owner_id != account_id:
                raise Conflict(_belongs(key, self.get(owner_id)))
        self._add_keys((account_id, key, shown) for key, shown in wanted.items() if key not in owners)

    def note_proof(self, key: AccountKey, *, by: str, at: datetime) -> None:
        """Keeps who proved a key."""
        self._connection.execute(
            update(AccountKeyRow)
            .where(AccountKeyRow.kind == key.kind, AccountKeyRow.value == key.value)
            .values(proven_by=by, proven_at=at)
        )

    def proofs(self, account_id: str) -> list[Proof]:
        """Who proved each key of an account; names find nothing and are left out."""
        query = select(AccountKeyRow.shown, AccountKeyRow.proven_by, AccountKeyRow.proven_at).where(
            AccountKeyRow.account_id == account_id, AccountKeyRow.kind != KeyKind.NAME
        )
        return [
            Proof(shown=row.shown, by=row.proven_by, at=row.proven_at)
            for row in self._connection.execute(query.order_by(AccountKeyRow.shown))
        ]

    def set_warning_policy(self, account_id: str, policy: WarningPolicy) -> None:
        """What warnings about a sender do to this account's invoices from now on."""
        self._connection.execute(
            update(CompanyAccountRow).where(CompanyAccountRow.id == account_id).values(warning_policy=policy)
        )

    def remember(self, decision: RememberedDecision) -> None:
        """Keeps an operator's decision as a key of its account, instead of an earlier one about the same."""
        key = AccountKey(KeyKind.DECISION, decision.key)
        self._connection.execute(
            delete(AccountKeyRow).where(AccountKeyRow.kind == key.kind, AccountKeyRow.value == key.value)
        )
        self._add_keys([(decision.account_id, key, decision.key)])

    def withdraw(self, account_id: str, text: str) -> int:
        """Takes a key away from an account, named as it is shown or in its normal form; how many went."""
        return self._connection.execute(
            delete(AccountKeyRow).where(
                AccountKeyRow.account_id == account_id,
                (AccountKeyRow.shown == text) | (AccountKeyRow.value == text),
            )
        ).rowcount

    def is_known_recipient(self, address: str) -> bool:
        """Whether mail to `address` reaches an account: its address, sub-address or domain, or one of its users."""
        try:
            exact = address_key(address)
            user, _, domain = split_address(address)
            keys = [exact, address_key(f"{user}@{domain}"), domain_key(domain)]
        except ValueError:
            return False
        return bool(self.owners(keys)) or self._is_user(exact)

    def _is_user(self, address: AccountKey) -> bool:
        query = (
            select(PortalUserRow.id)
            .join(MembershipRow, MembershipRow.user_id == PortalUserRow.id)
            .where(PortalUserRow.address == address.value, PortalUserRow.confirmed_at.is_not(None))
            .where(MembershipRow.state == MembershipState.ACTIVE)
        )
        return self._connection.scalar(query.limit(1)) is not None

    def get(self, account_id: str) -> CompanyAccount:
        """One account. Raises NotFound."""
        found = self.by_ids([account_id])
        if not found:
            raise NotFound(f"there is no account {account_id}")
        return found[account_id]

    def find(self, text: str) -> CompanyAccount:
        """The account with this id, name (without case) or address. Raises NotFound, also for several."""
        ids = set(
            self._connection.scalars(
                select(CompanyAccountRow.id).where(
                    (CompanyAccountRow.id == text)
                    | (func.lower(CompanyAccountRow.name) == text.lower())
                    | (CompanyAccountRow.name == text)
                )
            )
        )
        ids.update(
            self._connection.scalars(
                select(AccountKeyRow.account_id).where(
                    AccountKeyRow.kind == KeyKind.ADDRESS, AccountKeyRow.value == _address_form(text)
                )
            )
        )
        if len(ids) > 1:
            raise NotFound(f'"{text}" names {len(ids)} accounts; use the id: {", ".join(sorted(ids))}')
        if not ids:
            raise NotFound(f'there is no account "{text}"')
        return self.get(ids.pop())

    def by_ids(self, ids: Iterable[str]) -> dict[str, CompanyAccount]:
        """Accounts by id; ids without an account are left out."""
        return {
            account.id: account
            for chunk in chunks(ids)
            for account in self._with_keys(
                self._connection.execute(
                    select(CompanyAccountRow.__table__).where(CompanyAccountRow.id.in_(chunk))
                )
            )
        }

    def all(self) -> list[CompanyAccount]:
        """All accounts by name."""
        rows = self._connection.execute(
            select(CompanyAccountRow.__table__).order_by(CompanyAccountRow.name, CompanyAccountRow.id)
        ).all()
        return self._with_keys(rows)

    def counts(self) -> dict[AccountStatus, int]:
        """How many accounts have each status."""
        rows = self._connection.execute(
            select(CompanyAccountRow.status, func.count()).group_by(CompanyAccountRow.status)
        )
        return {AccountStatus(status): count for status, count in rows}

    def register_invited(self, account: CompanyAccount) -> str:
        """Gives the one invited account that has a key of `account` its name and the rest of its keys; its id.

        Raises NotFound when no invited account has one, Conflict when several or a registered account have one.
        """
        keys = keys_of(account)
        owners = self.owners(keys)
        found = {owner.id: owner for owner in self.by_ids(set(owners.values())).values()}
        for key, owner_id in owners.items():
            if len(found) > 1 or found[owner_id].status is not AccountStatus.INVITED:
                raise Conflict(_belongs(key, found[owner_id]))
        if not found:
            raise NotFound("no invited account has one of these keys")
        [invited] = found
        self._connection.execute(
            update(CompanyAccountRow)
            .where(CompanyAccountRow.id == invited)
            .values(
                status=AccountStatus.REGISTERED,
                registered_at=account.registered_at,
                name=account.name,
            )
        )
        self._add_keys((invited, key, shown) for key, shown in keys.items() if key not in owners)
        self._enter_name(invited, account.name)
        return invited

    def by_name(self, name: str) -> CompanyAccount | None:
        """The registered account of this name, however it is spelt (see `name_key`)."""
        key = name_key(name)
        owner = self.owners([key]).get(key) if key else None
        return self.get(owner) if owner else None

    def register(self, account_id: str, name: str, at: datetime) -> bool:
        """Makes an invited account a registered one of this name; False when it is registered already.

        Raises Conflict when another account has the name.
        """
        changed = self._connection.execute(
            update(CompanyAccountRow)
            .where(CompanyAccountRow.id == account_id, CompanyAccountRow.status == AccountStatus.INVITED)
            .values(status=AccountStatus.REGISTERED, registered_at=at, name=name)
        )
        if changed.rowcount:
            self._claim_name(account_id, name)
        return bool(changed.rowcount)

    def found(self, account: CompanyAccount) -> None:
        """Adds an account whose name nobody else may have. Raises what `add` does, and Conflict for the name."""
        self.add(account)
        self._claim_name(account.id, account.name)

    def _claim_name(self, account_id: str, name: str) -> None:
        """The name finds this account alone. Raises Conflict when it finds another, also one that came just now."""
        key = name_key(name)
        if key is None:
            return
        owner = self.owners([key]).get(key)
        if owner is None:
            self._add_keys([(account_id, key, name)])
        elif owner != account_id:
            raise Conflict(_belongs(key, self.get(owner)))

    def _enter_name(self, account_id: str, name: str) -> None:
        """The name finds this account from now on, unless it finds another one of the same name already."""
        key = name_key(name)
        if key is not None and not self.owners([key]):
            self._add_keys([(account_id, key, name)])

    def _add_keys(self, keys: Iterable[tuple[str, AccountKey, str]]) -> None:
        """Keys of accounts with how they are shown. Raises Conflict for one that somebody has."""
        rows = [
            {"kind": str(key.kind), "value": key.value, "account_id": account_id, "shown": shown}
            for account_id, key, shown in keys
        ]
        # One order for everybody: two workers that invite the same companies must not wait for each other.
        rows.sort(key=itemgetter("kind", "value"))
        insert_rows(self._connection, table_of(AccountKeyRow), rows)

    def _with_keys(self, rows: Iterable[Row[Any]]) -> list[CompanyAccount]:
        rows = list(rows)
        keys: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        query = select(AccountKeyRow.account_id, AccountKeyRow.kind, AccountKeyRow.shown)
        found = [
            key
            for chunk in chunks(row.id for row in rows)
            for key in self._connection.execute(
                query.where(AccountKeyRow.account_id.in_(chunk)).order_by(AccountKeyRow.shown)
            )
        ]
        for account_id, kind, shown in found:
            keys[account_id][kind].append(shown)
        return [
            CompanyAccount(
                id=row.id,
                name=row.name,
                status=AccountStatus(row.status),
                addresses=tuple(keys[row.id][KeyKind.ADDRESS]),
                vat_ids=tuple(keys[row.id][KeyKind.VAT_ID]),
                domains=tuple(keys[row.id][KeyKind.DOMAIN]),
                identifiers=tuple(parse_identifier(text) for text in keys[row.id][KeyKind.IDENTIFIER]),
                invited_at=row.invited_at,
                registered_at=row.registered_at,
                customer_numbers=tuple(keys[row.id][KeyKind.CUSTOMER_NUMBER]),
                warning_policy=WarningPolicy(row.warning_policy),
                decisions=tuple(keys[row.id][KeyKind.DECISION]),
            )
            for row in rows
        ]


def _address_form(text: str) -> str:
    try:
        return address_key(text).value
    except ValueError:
        return text  # a name or an id


def _belongs(key: AccountKey, owner: CompanyAccount) -> str:
    return f'{key.kind} "{key.value}" belongs to the account "{owner.name}" already'


def keys_of(account: CompanyAccount) -> dict[AccountKey, str]:
    """What an account is found by, and how each is shown. Raises ValueError for what has no valid form."""
    keys = {address_key(address): address for address in account.addresses}
    keys |= {vat_id_key(vat_id): vat_id for vat_id in account.vat_ids}
    keys |= {_company_domain_key(domain): domain for domain in account.domains}
    keys |= {identifier_key(identifier): str(identifier) for identifier in account.identifiers}
    for text in account.customer_numbers:
        partner_id, _, number = text.partition(":")
        keys[customer_number_key(partner_id, number)] = text
    return keys


def _company_domain_key(domain: str) -> AccountKey:
    key = domain_key(domain)
    if is_freemail(key.value):
        raise ValueError(f'"{domain}" gives mailboxes to everybody; register the address itself instead')
    return key
