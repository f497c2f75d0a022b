"""Contracting partners: the companies that send invoices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Row, bindparam, func, insert, select, update
from sqlalchemy.engine import Connection

from storage.companies.account_keys import AccountKey, KeyKind, domain_key, vat_id_key
from storage.companies.key_rows import owners_of
from storage.database.chunks import chunks
from storage.database.many_rows import insert_rows
from storage.errors import Conflict, NotFound
from storage.records.invoices import Environment
from storage.records.partners import ContractingPartner, PartnerOrigin, PartnerTrait, PartnerTrust, TraitKind
from storage.tables.base import UtcDateTime, table_of
from storage.tables.partners import PartnerKeyRow, PartnerRow, PartnerTraitRow

MOST_TRAITS = 200  # of a partner
SEEN_AGAIN_AFTER = timedelta(hours=1)  # a trait that was seen since is not written again

_SEEN = bindparam("seen", type_=UtcDateTime())
_COUNT = (
    update(table_of(PartnerRow))
    .where(PartnerRow.id == bindparam("of_partner"))
    .values(
        first_seen=func.coalesce(PartnerRow.first_seen, _SEEN),
        last_seen=_SEEN,
        invoices=PartnerRow.invoices + bindparam("more", type_=Integer()),
    )
)
_CHANGE_TRAIT = update(table_of(PartnerTraitRow)).where(
    PartnerTraitRow.partner_id == bindparam("of_partner"),
    PartnerTraitRow.kind == bindparam("of_kind"),
    PartnerTraitRow.value == bindparam("of_value"),
)


def seen_again(known: PartnerTrait, trait: PartnerTrait) -> PartnerTrait | None:
    """What is noted of a trait that came again: that it did, to the hour, and what is accepted; None for nothing."""
    # A partner that sends a thousand mails is no row that a thousand transactions wait for.
    if trait.last_seen - known.last_seen < SEEN_AGAIN_AFTER and trait.accepted <= known.accepted:
        return None
    return replace(known, last_seen=trait.last_seen, accepted=trait.accepted or known.accepted)


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
                origin=partner.origin,
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
        row = PartnerKeyRow
        return owners_of(self._connection, row.kind, row.value, row.partner_id, keys)

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

    def named(self, name: str) -> ContractingPartner:
        """The partner of just this name. Raises NotFound."""
        found = self._connection.scalar(select(PartnerRow.id).where(PartnerRow.name == name))
        if found is None:
            raise NotFound(f'there is no partner "{name}"')
        return self.get(found)

    def is_named(self, name: str) -> bool:
        """Whether there is a partner of just this name."""
        return self._connection.scalar(select(PartnerRow.id).where(PartnerRow.name == name)) is not None

    def by_ids(self, ids: Iterable[str]) -> dict[str, ContractingPartner]:
        """Partners by id; ids without a partner are left out."""
        query = select(PartnerRow.__table__)
        return {
            partner.id: partner
            for chunk in chunks(ids)
            for partner in self._with_keys(
                self._connection.execute(query.where(PartnerRow.id.in_(chunk))).all()
            )
        }

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

    def add_key(self, partner_id: str, key: AccountKey) -> None:
        """One more key by which a partner is found; nothing happens to one that somebody has already."""
        if not self.owners([key]):
            self._connection.execute(
                insert(PartnerKeyRow).values(kind=key.kind, value=key.value, partner_id=partner_id)
            )

    def count(self, came_in: Sequence[tuple[str, int, datetime]]) -> None:
        """Notes how many invoices of some partners came in, and when the last one did."""
        if came_in:
            self._connection.execute(
                _COUNT,
                [
                    {"of_partner": partner_id, "more": invoices, "seen": at}
                    for partner_id, invoices, at in came_in
                ],
            )

    def traits(self, partner_id: str) -> list[PartnerTrait]:
        """What came with the partner's invoices, the oldest first."""
        return self.traits_of([partner_id]).get(partner_id, [])[:MOST_TRAITS]

    def traits_of(self, partner_ids: Iterable[str]) -> dict[str, list[PartnerTrait]]:
        """The same of some partners, by id; those without any are left out."""
        found: dict[str, list[PartnerTrait]] = defaultdict(list)
        query = select(PartnerTraitRow.__table__).order_by(PartnerTraitRow.first_seen, PartnerTraitRow.value)
        for chunk in chunks(partner_ids):
            for row in self._connection.execute(query.where(PartnerTraitRow.partner_id.in_(chunk))):
                found[row.partner_id].append(
                    PartnerTrait(
                        kind=TraitKind(row.kind),
                        value=row.value,
                        accepted=row.accepted,
                        first_seen=row.first_seen,
                        last_seen=row.last_seen,
                    )
                )
        return dict(found)

    def add_traits(self, traits: Sequence[tuple[str, PartnerTrait]]) -> None:
        """Notes new traits of partners. Raises Conflict for one that is noted already."""
        rows = [
            {
                "partner_id": partner_id,
                "kind": trait.kind,
                "value": trait.value,
                "accepted": trait.accepted,
                "first_seen": trait.first_seen,
                "last_seen": trait.last_seen,
            }
            for partner_id, trait in traits
        ]
        insert_rows(self._connection, table_of(PartnerTraitRow), rows)

    def change_traits(self, traits: Sequence[tuple[str, PartnerTrait]]) -> None:
        """Notes when these traits were seen last, and whether they are accepted."""
        if traits:
            self._connection.execute(
                _CHANGE_TRAIT,
                [
                    {
                        "of_partner": partner_id,
                        "of_kind": trait.kind,
                        "of_value": trait.value,
                        "accepted": trait.accepted,
                        "last_seen": trait.last_seen,
                    }
                    for partner_id, trait in traits
                ],
            )

    def note(self, partner_id: str, trait: PartnerTrait) -> None:
        """Notes a trait, or that it was seen once more, to the hour; what is accepted stays so."""
        traits = self.traits(partner_id)
        known = next((one for one in traits if (one.kind, one.value) == (trait.kind, trait.value)), None)
        if known is None:
            if len(traits) < MOST_TRAITS:  # a forger must not be able to fill the record
                self.add_traits([(partner_id, trait)])
        elif (changed := seen_again(known, trait)) is not None:
            self.change_traits([(partner_id, changed)])

    def accept_traits(self, partner_id: str) -> None:
        """An operator looked at what came with the partner's invoices, and found it right."""
        self._connection.execute(
            update(PartnerTraitRow).where(PartnerTraitRow.partner_id == partner_id).values(accepted=True)
        )

    def domains_about_as_long(self, domain: str, limit: int = 50_000) -> list[str]:
        """Domains of partners whose length differs by three at most: the only ones that it could be taken for."""
        length = func.length(PartnerKeyRow.value)
        query = select(PartnerKeyRow.value).where(
            PartnerKeyRow.kind == KeyKind.DOMAIN, length.between(len(domain) - 3, len(domain) + 3)
        )
        return list(self._connection.scalars(query.limit(limit)))

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
                origin=PartnerOrigin(row.origin),
                invoices=row.invoices,
            )
            for row in rows
        ]
