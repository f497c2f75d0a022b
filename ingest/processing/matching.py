"""Whose invoice it is: the rules that lead from recipient and buyer to a company account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from storage.account_keys import (
    AccountKey,
    address_key,
    domain_key,
    identifier_key,
    split_address,
    vat_id_key,
)
from storage.records import BusinessTerms, CompanyAccount, Identifier

LEITWEG_ID = "0204"  # ISO 6523 code of the Leitweg-ID, which invoices carry as buyer reference (BT-10)


class MatchRule(StrEnum):
    """The rules in the order in which they are tried; docs/matching.md explains each."""

    RECIPIENT_ADDRESS = "recipient-address"
    BUYER_VAT_IDENTIFIER = "buyer-vat-identifier"
    BUYER_IDENTIFIER = "buyer-identifier"
    REGISTERED_DOMAIN = "registered-domain"
    INVITATION = "invitation"


@dataclass(frozen=True, slots=True)
class Match:
    """An account, the rule that found it, and the key that both sides share."""

    account_id: str
    rule: MatchRule
    key: AccountKey
    forward_path: str


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A recipient that no rule brings to an account, and why it cannot be invited if it cannot."""

    forward_path: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """The accounts that any key of a mail belongs to, loaded once."""

    owners: Mapping[AccountKey, str]
    accounts: Mapping[str, CompanyAccount]


def keys_to_look_up(forward_paths: Iterable[str], invoices: Iterable[BusinessTerms]) -> set[AccountKey]:
    """Every key that a rule may ask for."""
    keys: set[AccountKey] = set()
    for forward_path in forward_paths:
        keys.update(_address_keys(forward_path))
        keys.update(_domain_keys(forward_path))
    for terms in invoices:
        keys.update(_vat_keys(terms))
        keys.update(_identifier_keys(terms))
    return keys


def match(
    terms: BusinessTerms, forward_paths: Iterable[str], candidates: Candidates
) -> tuple[list[Match], list[Unmatched]]:
    """The accounts of one invoice, each once, and the recipients that have none.

    The recipient's own address comes first: whoever addresses a company's mailbox means that company,
    whatever the document says. What it says of the buyer (BG-7) counts only for an unregistered recipient.
    """
    matches: dict[str, Match] = {}
    unmatched = []
    for forward_path in forward_paths:
        found = _match_one(terms, forward_path, candidates)
        if isinstance(found, Match):
            matches.setdefault(found.account_id, found)
        else:
            unmatched.append(found)
    if not matches and not unmatched:
        by_document = _by_document(terms, "", candidates)
        if by_document is not None:
            matches[by_document.account_id] = by_document
    return list(matches.values()), unmatched


def named_buyers(terms: BusinessTerms, candidates: Candidates) -> set[str]:
    """The ids of all accounts that the document itself names as buyer."""
    keys = [*_vat_keys(terms), *_identifier_keys(terms)]
    return {candidates.owners[key] for key in keys if key in candidates.owners}


def is_test_address(forward_path: str) -> bool:
    """Whether the sub-address (RFC 5233) of a recipient is "test"."""
    return split_address(forward_path)[1].casefold() == "test"


def without_sub_address(forward_path: str) -> str:
    """The recipient's address without its sub-address (RFC 5233)."""
    user, _, domain = split_address(forward_path)
    return f"{user}@{domain}" if domain else forward_path


def _match_one(terms: BusinessTerms, forward_path: str, candidates: Candidates) -> Match | Unmatched:
    for key in _address_keys(forward_path):  # the address itself before the one without its sub-address
        by_address = _first(MatchRule.RECIPIENT_ADDRESS, [key], forward_path, candidates)
        if by_address is not None:
            return by_address
    by_document = _by_document(terms, forward_path, candidates)
    if by_document is not None:
        return by_document
    by_domain = _first(MatchRule.REGISTERED_DOMAIN, _domain_keys(forward_path), forward_path, candidates)
    if by_domain is not None:
        return by_domain
    if not list(_address_keys(forward_path)):
        return Unmatched(forward_path, f'"{forward_path}" is no address that could be invited')
    return Unmatched(forward_path)


def _by_document(terms: BusinessTerms, forward_path: str, candidates: Candidates) -> Match | None:
    return _first(MatchRule.BUYER_VAT_IDENTIFIER, _vat_keys(terms), forward_path, candidates) or _first(
        MatchRule.BUYER_IDENTIFIER, _identifier_keys(terms), forward_path, candidates
    )


def _first(
    rule: MatchRule, keys: Iterable[AccountKey], forward_path: str, candidates: Candidates
) -> Match | None:
    found = [(key, candidates.owners[key]) for key in keys if key in candidates.owners]
    if len({account_id for _, account_id in found}) != 1:
        return None  # none, or two companies by the same rule: then it proves nothing
    key, account_id = found[0]
    return Match(account_id, rule, key, forward_path)


def _address_keys(forward_path: str) -> Iterator[AccountKey]:
    try:
        yield address_key(forward_path)
        yield address_key(without_sub_address(forward_path))
    except ValueError:
        return  # "postmaster" without a domain (RFC 5321 4.5.1)


def _domain_keys(forward_path: str) -> Iterator[AccountKey]:
    try:
        yield domain_key(split_address(forward_path)[2])
    except ValueError:
        return


def _vat_keys(terms: BusinessTerms) -> Iterator[AccountKey]:
    if terms.buyer.vat_id:  # BT-48
        try:
            yield vat_id_key(terms.buyer.vat_id)
        except ValueError:
            return  # documents carry all sorts of text here


def _identifier_keys(terms: BusinessTerms) -> Iterator[AccountKey]:
    buyer = terms.buyer
    identifiers = list(buyer.identifiers)  # BT-46
    identifiers += [
        one for one in (buyer.legal_registration, buyer.electronic_address) if one
    ]  # BT-47, BT-49
    if terms.buyer_reference:
        identifiers.append(Identifier(scheme=LEITWEG_ID, value=terms.buyer_reference))  # BT-10
    for identifier in identifiers:
        try:
            yield identifier_key(identifier)
        except ValueError:
            continue  # without a scheme it is a name that the seller gave, which proves nothing
        if identifier.scheme == "EM":
            yield from _address_keys(identifier.value)
