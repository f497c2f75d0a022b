"""Accounts, partners and links are found by their keys, and a key has one owner."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from storage.companies.account_keys import address_key, domain_key, identifier_key, vat_id_key
from storage.errors import Conflict, NotFound
from storage.ids import new_id
from storage.records.invoices import Environment
from storage.records.partners import ContractingPartner, PartnerTrait, PartnerTrust, TraitKind
from storage.records.reading import Identifier
from storage.records.registration import LinkState
from storage.store import Store
from tests import making


def test_an_account_is_found_by_each_of_its_keys(store: Store) -> None:
    """Spaces and case of a key do not count."""
    gln = Identifier(scheme="0088", value="4012345000009")
    company = making.account(vat_ids=("DE 123 456 788",), domains=("Company.example",), identifiers=(gln,))
    with store.transaction() as records:
        records.accounts.add(company)

    keys = [
        address_key("Invoices@Company.Example"),
        vat_id_key("de123456788"),
        domain_key("company.example"),
        identifier_key(Identifier(scheme="0088", value="40123 45000009")),
    ]
    with store.reading() as records:
        owners = records.accounts.owners([*keys, address_key("nobody@company.example")])
        assert records.accounts.find("company ltd") == company
        assert records.accounts.find("INVOICES@company.example") == company

    assert owners == dict.fromkeys(keys, company.id)


def test_a_key_has_one_owner(store: Store) -> None:
    """The second account that claims an address is told whose it is."""
    with store.transaction() as records:
        records.accounts.add(making.account())

    with (
        pytest.raises(Conflict, match='belongs to the account "Company Ltd"'),
        store.transaction() as records,
    ):
        records.accounts.add(making.account(name="Other", addresses=("INVOICES@company.example",)))

    with store.reading() as records:
        assert [account.name for account in records.accounts.all()] == ["Company Ltd"]


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("invoices@company.example", True),
        ("INVOICES+tag@company.example", True),
        ("other@company.example", False),
        ("anyone@domain.example", True),
        ("anyone@sub.domain.example", False),
        ("no address", False),
    ],
)
def test_a_recipient_is_known_by_address_sub_address_or_domain(
    store: Store, address: str, known: bool
) -> None:
    """RCPT asks this where unknown recipients are refused."""
    with store.transaction() as records:
        records.accounts.add(making.account(domains=("domain.example",)))

    with store.reading() as records:
        assert records.accounts.is_known_recipient(address) is known


def test_an_address_has_one_live_link(store: Store, now: datetime) -> None:
    """A second one is refused until the first has expired; then the first one stays on record."""
    company = making.account()
    first = making.link(company.id)
    with store.transaction() as records:
        records.accounts.add(company)
        records.links.add([first])

    with pytest.raises(Conflict, match="live registration link"), store.transaction() as records:
        records.links.add([making.link(company.id, created_at=now + timedelta(days=1))])
    later = now + timedelta(days=30)
    second = making.link(company.id, created_at=later, expires_at=later + timedelta(days=30))
    with store.transaction() as records:
        records.links.add([second])

    with store.reading() as records:
        assert [link.state(later) for link in records.links.all()] == [LinkState.LIVE, LinkState.EXPIRED]
        assert records.links.live("Invoices@Company.example", later) == second
        assert records.links.by_digest(first.token_digest) == first


def test_a_revoked_link_is_not_live(store: Store, now: datetime) -> None:
    """And it says when it was revoked."""
    company = making.account()
    link = making.link(company.id)
    with store.transaction() as records:
        records.accounts.add(company)
        records.links.add([link])

    with store.transaction() as records:
        records.links.revoke(link.id, now)

    with store.reading() as records:
        assert records.links.live(link.email, now) is None
        assert records.links.get(link.id) == replace(link, revoked_at=now)
        with pytest.raises(NotFound):
            records.links.get("none")


def test_a_partner_is_found_by_domain(store: Store, now: datetime) -> None:
    """And remembers when it was first and last seen."""
    partner = ContractingPartner(
        id=new_id(),
        name="Supplier",
        domains=("supplier.example",),
        vat_ids=(),
        trust=PartnerTrust.NEW,
        environment=Environment.TEST,
        first_seen=None,
        last_seen=None,
    )
    with store.transaction() as records:
        records.partners.add(partner, at=now)
        records.partners.seen(partner.id, now)
        records.partners.seen(partner.id, now + timedelta(hours=1))
        records.partners.set_trust(partner.id, PartnerTrust.BLOCKED)

    with store.reading() as records:
        assert records.partners.owners([domain_key("Supplier.example")]) == {
            domain_key("supplier.example"): partner.id
        }
        assert records.partners.find("SUPPLIER") == replace(
            partner, trust=PartnerTrust.BLOCKED, first_seen=now, last_seen=now + timedelta(hours=1)
        )


def test_a_trait_is_seen_again_to_the_hour(store: Store, now: datetime) -> None:
    """A partner that sends a thousand mails at once is no row that all workers wait for; acceptance counts at once."""
    partner = ContractingPartner(
        id=new_id(),
        name="Supplier",
        domains=(),
        vat_ids=(),
        trust=PartnerTrust.NEW,
        environment=Environment.TEST,
        first_seen=None,
        last_seen=None,
    )
    trait = PartnerTrait(
        kind=TraitKind.BANK_ACCOUNT, value="DE1", accepted=False, first_seen=now, last_seen=now
    )
    soon, later = now + timedelta(minutes=59), now + timedelta(minutes=61)
    with store.transaction() as records:
        records.partners.add(partner, at=now)
        records.partners.note(partner.id, trait)

        records.partners.note(partner.id, replace(trait, last_seen=soon))
        [at_once] = records.partners.traits(partner.id)
        records.partners.note(partner.id, replace(trait, last_seen=later))
        [an_hour_later] = records.partners.traits(partner.id)
        records.partners.note(partner.id, replace(trait, last_seen=later, accepted=True))
        [accepted] = records.partners.traits(partner.id)

    assert at_once.last_seen == now
    assert an_hour_later.last_seen == later
    assert accepted.accepted
