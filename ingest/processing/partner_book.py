"""Partners as a batch of checked mails finds them: loaded once, kept in step with what is learned, then written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from storage.companies.account_keys import AccountKey, KeyKind, domain_key, vat_id_key
from storage.companies.partners import MOST_TRAITS, seen_again
from storage.records.partners import ContractingPartner, PartnerTrait, TraitKind
from storage.transaction import Transaction

_TraitKey = tuple[str, TraitKind, str]  # partner, kind, value


class PartnerBook:
    """What a batch can ask of partners, within one transaction; `write` has to be called before that ends.

    A partner's own row is written once a batch: on PostgreSQL the batches of other workers wait for it.
    """

    def __init__(self, records: Transaction, keys: Iterable[AccountKey]) -> None:
        """`keys` are all by which partners will be asked for."""
        self._records = records
        self._owners = records.partners.owners(keys)
        self._partners = records.partners.by_ids(set(self._owners.values()))
        self._traits: dict[_TraitKey, PartnerTrait] = {
            (partner_id, trait.kind, trait.value): trait
            for partner_id, traits in records.partners.traits_of(self._partners).items()
            for trait in traits
        }
        self._new: set[_TraitKey] = set()
        self._again: set[_TraitKey] = set()
        self._counted: dict[str, tuple[int, datetime]] = {}
        self._domains: dict[int, list[str]] = {}  # by the length of what they are held against

    def owner(self, key: AccountKey | None) -> ContractingPartner | None:
        """Whose key it is."""
        owner = self._owners.get(key) if key else None
        return self._partners[owner] if owner else None

    def known_accounts(self, partner: ContractingPartner | None) -> frozenset[str]:
        """The bank accounts (BT-84) to which a partner was paid, as far as they are accepted."""
        if partner is None:
            return frozenset()
        return frozenset(
            value
            for (partner_id, kind, value), trait in self._traits.items()
            if partner_id == partner.id and kind is TraitKind.BANK_ACCOUNT and trait.accepted
        )

    def domains_about_as_long(self, domain: str) -> list[str]:
        """See `Partners`."""
        if len(domain) not in self._domains:
            self._domains[len(domain)] = self._records.partners.domains_about_as_long(domain)
        return self._domains[len(domain)]

    def is_named(self, name: str) -> bool:
        """Whether there is a partner of just this name."""
        return self._records.partners.is_named(name)

    def add(self, partner: ContractingPartner, at: datetime) -> None:
        """Puts a new partner on record. Raises Conflict when another worker was quicker."""
        self._records.partners.add(partner, at=at)
        domains = [domain_key(domain) for domain in partner.domains]
        vat_ids = [vat_id_key(vat_id) for vat_id in partner.vat_ids]
        self._owners |= dict.fromkeys([*domains, *vat_ids], partner.id)
        self._partners[partner.id] = replace(
            partner,
            domains=tuple(key.value for key in domains),
            vat_ids=tuple(key.value for key in vat_ids),
        )
        self._domains.clear()

    def add_key(self, partner_id: str, key: AccountKey) -> None:
        """One more key by which a partner is found; nothing happens to one that somebody has already."""
        if key in self._owners:
            return
        self._records.partners.add_key(partner_id, key)
        self._owners[key] = partner_id
        partner = self._partners[partner_id]
        if key.kind is KeyKind.DOMAIN:
            partner = replace(partner, domains=tuple(sorted({*partner.domains, key.value})))
            self._domains.clear()
        else:
            partner = replace(partner, vat_ids=tuple(sorted({*partner.vat_ids, key.value})))
        self._partners[partner_id] = partner

    def note(self, partner_id: str, trait: PartnerTrait) -> None:
        """Notes a trait, or that it was seen once more; see `Partners.note`."""
        key = (partner_id, trait.kind, trait.value)
        known = self._traits.get(key)
        if known is None:
            if sum(one == partner_id for one, _, _ in self._traits) < MOST_TRAITS:
                self._traits[key] = trait
                self._new.add(key)
        elif (changed := seen_again(known, trait)) is not None:
            self._traits[key] = changed
            self._again.add(key)

    def count(self, partner_id: str, at: datetime) -> None:
        """Notes that an invoice of the partner came in then."""
        number, before = self._counted.get(partner_id, (0, at))
        self._counted[partner_id] = (number + 1, max(before, at))
        partner = self._partners[partner_id]
        self._partners[partner_id] = replace(partner, invoices=partner.invoices + 1)

    def write(self) -> None:
        """Writes what was learned. Raises Conflict when another worker has noted the same."""
        # One order for everybody: two workers that learn about the same partners must not wait for each other.
        self._records.partners.add_traits(
            [
                (partner_id, self._traits[partner_id, kind, value])
                for partner_id, kind, value in sorted(self._new)
            ]
        )
        again = sorted(self._again - self._new)
        self._records.partners.change_traits(
            [(partner_id, self._traits[partner_id, kind, value]) for partner_id, kind, value in again]
        )
        self._records.partners.count(
            [(partner_id, *self._counted[partner_id]) for partner_id in sorted(self._counted)]
        )
