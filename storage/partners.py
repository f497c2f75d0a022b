"""Contracting partners: the companies that send invoices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, tuple_, update
from sqlalchemy.engine import Connection

from storage.account_keys import AccountKey, KeyKind, domain_key, vat_id_key
from storage.errors import Conflict, NotFound
from storage.records import ContractingPartner, Environment, PartnerTrust
from storage.tables import PartnerKeyRow, PartnerRow


class Partners:
    """The tables of contracting partners within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, partner: ContractingPartner, *, at: datetime) -> None:
        """Adds a partner. Raises Conflict when its name or a key is another's, ValueError for a bad key."""
        keys = [domain_key(domain) for domain in partner.domains]
        keys += [vat_id_key(vat_id) for vat_id in partner.vat_ids]
        for key, owner in self.owners(keys).items():
            raise Conflict(
                f'{key.kind} "{key.value}" belongs to the partner "{self.get(owner).name}" already'
            )
        if self._connection.scalar(select(PartnerRow.id).where(PartnerRow.name == partner.name)):
            raise Conflict(f'there is a partner "{partner.name}" already')
        self._connection.execute(
            insert(PartnerRow).values(
                id=partner.id,
                name=partner.name,
                trust=partner.trust,
                environment=partner.environment,
                created_at=at,
            )
        )
        if keys:
            self._connection.execute(
                insert(PartnerKeyRow),
                [{"kind": key.kind, "value": key.value, "partner_id": partner.id} for key in set(keys)],
            )

    def owners(self, keys: Iterable[AccountKey]) -> dict[AccountKey, str]:
        """The ids of the partners to which any of `keys` belong, by key."""
        wanted = [(str(key.kind), key.value) for key in keys]
        if not wanted:
            return {}
        rows = self._connection.execute(
            select(PartnerKeyRow.kind, PartnerKeyRow.value, PartnerKeyRow.partner_id).where(
                tuple_(PartnerKeyRow.kind, PartnerKeyRow.value).in_(wanted)
            )
        )
        return {AccountKey(KeyKind(kind), value): partner_id for kind, value, partner_id in rows}

    def get(self, partner_id: str) -> ContractingPartner:
        """One partner. Raises NotFound."""
        found = self.by_ids([partner_id])
        if not found:
            raise NotFound(f"there is no partner {partner_id}")
        return found[partner_id]

    def find(self, text: str) -> ContractingPartner:
        """The partner with this id, name (without case) or domain. Raises NotFound."""
        by_domain = select(PartnerKeyRow.partner_id).where(
            PartnerKeyRow.kind == KeyKind.DOMAIN, PartnerKeyRow.value == text.casefold()
        )
        found = self._connection.scalar(
            select(PartnerRow.id)
            .where(
                (PartnerRow.id == text)
                | (PartnerRow.name == text)
                | (func.lower(PartnerRow.name) == text.lower())
                | PartnerRow.id.in_(by_domain)
            )
            .limit(1)
        )
        if found is None:
            raise NotFound(f'there is no partner "{text}"')
        return self.get(found)

    def by_ids(self, ids: Iterable[str]) -> dict[str, ContractingPartner]:
        """Partners by id; ids without a partner are left out."""
        query = select(PartnerRow.__table__).where(PartnerRow.id.in_(list(ids)))
        return {partner.id: partner for partner in self._with_keys(self._connection.execute(query).all())}

    def all(self) -> list[ContractingPartner]:
        """All partners by name."""
        query = select(PartnerRow.__table__).order_by(PartnerRow.name)
        return self._with_keys(self._connection.execute(query).all())

    def set_trust(self, partner_id: str, trust: PartnerTrust) -> None:
        """Notes what the operator thinks of a partner."""
        self._connection.execute(update(PartnerRow).where(PartnerRow.id == partner_id).values(trust=trust))

    def set_environment(self, partner_id: str, environment: Environment) -> None:
        """Marks a partner as being connected (test) or released (productive)."""
        self._connection.execute(
            update(PartnerRow).where(PartnerRow.id == partner_id).values(environment=environment)
        )

    def seen(self, partner_id: str, at: datetime) -> None:
        """Notes that a mail of the partner came in."""
        self._connection.execute(
            update(PartnerRow)
            .where(PartnerRow.id == partner_id)
            .values(first_seen=func.coalesce(PartnerRow.first_seen, at), last_seen=at)
        )

    def _with_keys(self, rows: Iterable[Row[Any]]) -> list[ContractingPartner]:
        rows = list(rows)
        keys: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        query = select(PartnerKeyRow.partner_id, PartnerKeyRow.kind, PartnerKeyRow.value)
        found = self._connection.execute(
            query.where(PartnerKeyRow.partner_id.in_([row.id for row in rows])).order_by(PartnerKeyRow.value)
        )
        for partner_id, kind, value in found:
            keys[partner_id][kind].append(value)
        return [
            ContractingPartner(
                id=row.id,
                name=row.name,
                domains=tuple(keys[row.id][KeyKind.DOMAIN]),
                vat_ids=tuple(keys[row.id][KeyKind.VAT_ID]),
                trust=PartnerTrust(row.trust),
                environment=Environment(row.environment),
                first_seen=row.first_seen,
                last_seen=row.last_seen,
            )
            for row in rows
        ]
