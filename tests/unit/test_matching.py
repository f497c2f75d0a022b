"""Each rule finds its account, in the documented order, and proves nothing where it is ambiguous."""

from __future__ import annotations

import pytest

from ingest.processing.match_rules import MatchRule, keys_to_look_up
from ingest.processing.matching import Candidates, match
from storage.companies.account_keys import (
    AccountKey,
    KeyKind,
    address_key,
    customer_number_key,
    domain_key,
    identifier_key,
    parse_identifier,
    vat_id_key,
)
from storage.records.reading import BusinessTerms, Identifier, Party
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
    found = match(terms, forward_paths or (ADDRESS,), candidates, "partner")
    return [(one.account_id, one.rule) for one in found.matches]


def _contested(terms: BusinessTerms, candidates: Candidates, *forward_paths: str) -> set[str]:
    found = match(terms, forward_paths or (ADDRESS,), candidates, "partner")
    return {evidence.account_id for one in found.contested for evidence in one.evidence}


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
            _buyer(legal_registration=Identifier(scheme="0002", value="123 456 789")),
            MatchRule.BUYER_LEGAL_REGISTRATION,
        ),
        (
            identifier_key(parse_identifier("9930:DE123456788")),
            _buyer(electronic_address=Identifier(scheme="9930", value="DE123456788")),
            MatchRule.BUYER_ELECTRONIC_ADDRESS,
        ),
        (
            address_key("in@other.example"),
            _buyer(electronic_address=Identifier(scheme="EM", value="in@other.example")),
            MatchRule.BUYER_ELECTRONIC_ADDRESS,
        ),
        (
            vat_id_key("DE123456788"),
            _buyer(electronic_address=Identifier(scheme="9930", value="de123456788")),
            MatchRule.BUYER_ELECTRONIC_ADDRESS,
        ),
        (
            customer_number_key("partner", "K-17"),
            _buyer(identifiers=(Identifier(scheme="", value="k-17"),)),
            MatchRule.CUSTOMER_NUMBER,
        ),
        (
            identifier_key(parse_identifier("0204:04011000-12345-34")),
            making.terms(buyer_reference="04011000-12345-34"),
            MatchRule.BUYER_REFERENCE,
        ),
        (domain_key("company.example"), _buyer(), MatchRule.REGISTERED_DOMAIN),
    ],
)
def test_every_rule_finds_its_account(key: AccountKey, terms: BusinessTerms, rule: MatchRule) -> None:
    """And the key that it needs is among those that are looked up."""
    assert key in keys_to_look_up([ADDRESS], [terms], "partner")
    assert _found(terms, _candidates(a=key)) == [("a", rule)]


def test_a_sub_address_is_its_address() -> None:
    """invoices+anything@ reaches whoever has invoices@ (RFC 5233)."""
    candidates = _candidates(a=address_key(ADDRESS))

    assert _found(_buyer(), candidates, "invoices+test@company.example") == [
        ("a", MatchRule.RECIPIENT_ADDRESS)
    ]


def test_two_companies_in_one_document_get_nothing() -> None:
    """Whichever of them it was shown to might be the wrong one: it is contested, also where a domain would decide."""
    terms = _buyer(vat_id="DE123456788", identifiers=(Identifier(scheme="0088", value="4012345000009"),))
    keys = {
        "a": vat_id_key("DE123456788"),
        "b": identifier_key(parse_identifier("0088:4012345000009")),
        "c": domain_key("company.example"),
    }

    assert _found(terms, _candidates(**keys)) == []
    assert _contested(terms, _candidates(**keys)) == {"a", "b"}


def test_the_mailbox_wins_over_whatever_the_document_says() -> None:
    """Also over one that names two companies."""
    terms = _buyer(vat_id="DE123456788", identifiers=(Identifier(scheme="0088", value="4012345000009"),))
    candidates = _candidates(
        a=vat_id_key("DE123456788"),
        b=identifier_key(parse_identifier("0088:4012345000009")),
        c=address_key(ADDRESS),
    )

    assert _found(terms, candidates) == [("c", MatchRule.RECIPIENT_ADDRESS)]
    assert _contested(terms, candidates) == set()


def test_all_evidence_for_the_account_is_kept_and_none_of_another() -> None:
    """The rule that decided stands first; what agrees with it follows; B's identifier is nowhere."""
    terms = _buyer(vat_id="DE123456788", identifiers=(Identifier(scheme="0088", value="4012345000009"),))
    candidates = _candidates(
        a=[address_key(ADDRESS), vat_id_key("DE123456788")],
        b=identifier_key(parse_identifier("0088:4012345000009")),
    )

    [found] = match(terms, (ADDRESS,), candidates).matches

    assert [(one.rule, one.kind, one.value, one.where, one.account_id) for one in found.evidence] == [
        ("recipient-address", "address", ADDRESS, "forward-path", "a"),
        ("buyer-vat-identifier", "vat-id", "DE123456788", "BT-48", "a"),
    ]


def test_somebody_who_works_for_two_companies_is_told_apart_by_the_document() -> None:
    """Without such a word nobody gets it: the other company must not see it."""
    candidates = Candidates(
        {vat_id_key("DE123456788"): "b"}, {}, {AccountKey(KeyKind.USER, ADDRESS): ("a", "b")}
    )

    assert _found(_buyer(vat_id="DE123456788"), candidates) == [("b", MatchRule.USER_ADDRESS)]
    assert _contested(_buyer(), candidates) == {"a", "b"}


def test_a_customer_number_says_nothing_under_another_partner() -> None:
    """Every seller counts its customers from one."""
    candidates = _candidates(a=customer_number_key("another", "17"))

    assert _found(_buyer(identifiers=(Identifier(scheme="", value="17"),)), candidates) == []


def test_a_gln_with_a_wrong_check_digit_matches_nobody() -> None:
    """A slip of one digit is another company's number, or nobody's."""
    terms = _buyer(identifiers=(Identifier(scheme="0088", value="4012345000008"),))

    assert {key.kind for key in keys_to_look_up([], [terms], None)} <= {KeyKind.DECISION}


def test_a_domain_for_everybody_matches_nobody() -> None:
    """An old entry of such a domain must not hand everybody's mail to one company."""
    assert _found(_buyer(), _candidates(a=domain_key("gmail.com")), "x@gmail.com") == []


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
    found = match(_buyer(vat_id="DE123456788"), (), _candidates(a=vat_id_key("DE123456788")))

    assert [one.account_id for one in found.matches] == ["a"]
    assert found.unmatched == ()


def test_postmaster_without_a_domain_cannot_be_invited() -> None:
    """RFC 5321 4.5.1 lets such mail in; there is no address to send a link to."""
    [unmatched] = match(_buyer(), ("postmaster",), _candidates()).unmatched

    assert unmatched.reason == '"postmaster" is no address that could be invited'


def test_an_address_of_its_own_wins_over_the_one_without_its_sub_address() -> None:
    """Two companies share a mailbox by sub-address; mail to the second once went to quarantine."""
    candidates = _candidates(a=address_key("hub@company.example"), b=address_key("hub+b@company.example"))

    assert _found(_buyer(), candidates, "hub+b@company.example") == [("b", MatchRule.RECIPIENT_ADDRESS)]
    assert _found(_buyer(), candidates, "hub+c@company.example") == [("a", MatchRule.RECIPIENT_ADDRESS)]
