"""Each rule finds its account, in the documented order, and proves nothing where it is ambiguous."""

from __future__ import annotations

import pytest

from ingest.processing.matching import Candidates, MatchRule, keys_to_look_up, match
from storage.account_keys import (
    AccountKey,
    address_key,
    domain_key,
    identifier_key,
    parse_identifier,
    vat_id_key,
)
from storage.records import BusinessTerms, Identifier, Party
from tests import making

ADDRESS = "invoices@company.example"


def _candidates(**owners: AccountKey | list[AccountKey]) -> Candidates:
    keys = {
        key: account_id
        for account_id, owned in owners.items()
        for key in (owned if isinstance(owned, list) else [owned])
    }
    return Candidates(keys, {})


def _buyer(**fields: object) -> BusinessTerms:
    return making.terms(buyer=Party(**fields))  # type: ignore[arg-type]  # fields of a Party


def _found(terms: BusinessTerms, candidates: Candidates, *forward_paths: str) -> list[tuple[str, MatchRule]]:
    matches, _ = match(terms, forward_paths or (ADDRESS,), candidates)
    return [(one.account_id, one.rule) for one in matches]


@pytest.mark.parametrize(
    ("key", "terms", "rule"),
    [
        (address_key(ADDRESS.upper()), _buyer(), MatchRule.RECIPIENT_ADDRESS),
        (vat_id_key("DE123456788"), _buyer(vat_id="de 123 456 788"), MatchRule.BUYER_VAT_IDENTIFIER),
        (
            identifier_key(parse_identifier("0088:4012345000009")),
            _buyer(identifiers=(Identifier(scheme="0088", value="4012345000009"),)),
            MatchRule.BUYER_IDENTIFIER,
        ),
        (
            identifier_key(parse_identifier("0002:123456789")),
            _buyer(legal_registration=Identifier(scheme="0002", value="123456789")),
            MatchRule.BUYER_IDENTIFIER,
        ),
        (
            identifier_key(parse_identifier("9930:DE123456788")),
            _buyer(electronic_address=Identifier(scheme="9930", value="DE123456788")),
            MatchRule.BUYER_IDENTIFIER,
        ),
        (
            address_key("in@other.example"),
            _buyer(electronic_address=Identifier(scheme="EM", value="in@other.example")),
            MatchRule.BUYER_IDENTIFIER,
        ),
        (
            identifier_key(parse_identifier("0204:04011000-12345-34")),
            making.terms(buyer_reference="04011000-12345-34"),
            MatchRule.BUYER_IDENTIFIER,
        ),
        (domain_key("company.example"), _buyer(), MatchRule.REGISTERED_DOMAIN),
    ],
)
def test_every_rule_finds_its_account(key: AccountKey, terms: BusinessTerms, rule: MatchRule) -> None:
    """And the key that it needs is among those that are looked up."""
    assert key in keys_to_look_up([ADDRESS], [terms])
    assert _found(terms, _candidates(a=key)) == [("a", rule)]


def test_a_sub_address_is_its_address() -> None:
    """invoices+anything@ reaches whoever has invoices@ (RFC 5233)."""
    candidates = _candidates(a=address_key(ADDRESS))

    assert _found(_buyer(), candidates, "invoices+test@company.example") == [
        ("a", MatchRule.RECIPIENT_ADDRESS)
    ]


def test_the_rules_are_tried_in_their_order() -> None:
    """With a company for each rule, each rule wins over those after it."""
    terms = _buyer(vat_id="DE123456788", identifiers=(Identifier(scheme="0088", value="4012345000009"),))
    keys = {
        "by_address": address_key(ADDRESS),
        "by_vat": vat_id_key("DE123456788"),
        "by_identifier": identifier_key(parse_identifier("0088:4012345000009")),
        "by_domain": domain_key("company.example"),
    }

    winners = []
    while keys:
        winners += [account_id for account_id, _ in _found(terms, _candidates(**keys))]
        keys.pop(winners[-1])

    assert winners == ["by_address", "by_vat", "by_identifier", "by_domain"]


def test_two_companies_by_one_rule_prove_nothing() -> None:
    """The next rule decides, and without one nobody gets the invoice."""
    terms = _buyer(
        identifiers=(Identifier(scheme="0088", value="1"), Identifier(scheme="0088", value="2")),
    )
    one, two = (identifier_key(parse_identifier(f"0088:{number}")) for number in (1, 2))

    assert _found(terms, _candidates(a=one, b=two)) == []
    assert _found(terms, _candidates(a=one, b=two, c=domain_key("company.example"))) == [
        ("c", MatchRule.REGISTERED_DOMAIN)
    ]


def test_an_identifier_without_a_scheme_matches_nobody() -> None:
    """It is a name that the seller gave the buyer; another seller may give it to somebody else."""
    terms = _buyer(identifiers=(Identifier(scheme="", value="4012345000009"),))

    assert _found(terms, _candidates(a=identifier_key(parse_identifier("0088:4012345000009")))) == []


def test_several_recipients_of_one_company_are_one_match() -> None:
    """Filed once for each account, not for each address."""
    candidates = _candidates(
        a=[address_key(ADDRESS), address_key("b@company.example")], b=address_key("c@d.example")
    )

    found = _found(_buyer(), candidates, ADDRESS, "b@company.example", "c@d.example")

    assert [account_id for account_id, _ in found] == ["a", "b"]


def test_without_any_recipient_the_document_decides() -> None:
    """A stored mail may name no recipient at all."""
    matches, unmatched = match(_buyer(vat_id="DE123456788"), (), _candidates(a=vat_id_key("DE123456788")))

    assert [one.account_id for one in matches] == ["a"]
    assert unmatched == []


def test_postmaster_without_a_domain_cannot_be_invited() -> None:
    """RFC 5321 4.5.1 lets such mail in; there is no address to send a link to."""
    _, [unmatched] = match(_buyer(), ("postmaster",), _candidates())

    assert unmatched.reason == '"postmaster" is no address that could be invited'


def test_an_address_of_its_own_wins_over_the_one_without_its_sub_address() -> None:
    """Two companies share a mailbox by sub-address; mail to the second once went to quarantine."""
    candidates = _candidates(a=address_key("hub@company.example"), b=address_key("hub+b@company.example"))

    assert _found(_buyer(), candidates, "hub+b@company.example") == [("b", MatchRule.RECIPIENT_ADDRESS)]
    assert _found(_buyer(), candidates, "hub+c@company.example") == [("a", MatchRule.RECIPIENT_ADDRESS)]
