"""The rules of matching: each leads from an invoice and a recipient to keys that may be an account's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from storage.companies.account_keys import (
    ELECTRONIC_MAIL,
    AccountKey,
    KeyKind,
    address_key,
    customer_number_key,
    decision_key,
    domain_key,
    identifier_key,
    name_key,
    split_address,
    vat_id_key,
    vat_id_of_address,
)
from storage.companies.freemail import is_freemail
from storage.records.reading import BusinessTerms, Identifier

LEITWEG_ID = "0204"  # ISO 6523 code of the Leitweg-ID, which invoices carry as buyer reference (BT-10)
FORWARD_PATH = "forward-path"  # where a recipient is named; all other places are terms, "BT-48"


class MatchRule(StrEnum):
    """The rules in the order in which they are tried; docs/matching.md explains each."""

    RECIPIENT_ADDRESS = "recipient-address"
    USER_ADDRESS = "user-address"
    OPERATOR_DECISION = "operator-decision"
    CUSTOMER_NUMBER = "customer-number"
    BUYER_ELECTRONIC_ADDRESS = "buyer-electronic-address"
    BUYER_IDENTIFIER = "buyer-identifier"
    BUYER_VAT_IDENTIFIER = "buyer-vat-identifier"
    BUYER_LEGAL_REGISTRATION = "buyer-legal-registration"
    BUYER_REFERENCE = "buyer-reference"
    REGISTERED_DOMAIN = "registered-domain"
    INVITATION = "invitation"


BY_DOCUMENT = (
    MatchRule.CUSTOMER_NUMBER,
    MatchRule.BUYER_ELECTRONIC_ADDRESS,
    MatchRule.BUYER_IDENTIFIER,
    MatchRule.BUYER_VAT_IDENTIFIER,
    MatchRule.BUYER_LEGAL_REGISTRATION,
    MatchRule.BUYER_REFERENCE,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rules look at: an invoice, one recipient ("" for none), and the partner that sent it."""

    terms: BusinessTerms
    forward_path: str
    partner_id: str | None


@dataclass(frozen=True, slots=True)
class Clue:
    """Something that a mail or its document names: the first of its keys that an account has is evidence."""

    keys: tuple[AccountKey, ...]
    where: str


Rule = Callable[[Asked], Iterator[Clue]]


def recipient_address(asked: Asked) -> Iterator[Clue]:
    """The recipient's address itself before the one without its sub-address (RFC 5233)."""
    yield Clue(_address_keys(asked.forward_path), FORWARD_PATH)


def user_address(asked: Asked) -> Iterator[Clue]:
    """The recipient's address as that of a registered user."""
    yield Clue(
        tuple(replace(key, kind=KeyKind.USER) for key in _address_keys(asked.forward_path)), FORWARD_PATH
    )


def operator_decision(asked: Asked) -> Iterator[Clue]:
    """What an operator decided before about this seller's invoices to this recipient."""
    if key := remembered_key(asked.terms, asked.forward_path):
        yield Clue((key,), "BT-31" if asked.terms.seller.vat_id else "BT-27")


def customer_number(asked: Asked) -> Iterator[Clue]:
    """The number that the partner itself gave the buyer (BT-46)."""
    for identifier in asked.terms.buyer.identifiers:
        if asked.partner_id is not None and identifier.value.strip():
            yield Clue((customer_number_key(asked.partner_id, identifier.value),), "BT-46")


def buyer_electronic_address(asked: Asked) -> Iterator[Clue]:
    """The buyer's electronic address (BT-49); a mailbox or a VAT identifier where its scheme says so."""
    address = asked.terms.buyer.electronic_address
    if address is None:
        return
    keys = _identifier_keys(address)
    if address.scheme.strip().upper() == ELECTRONIC_MAIL:
        keys += _address_keys(address.value)
    if vat_id := vat_id_of_address(address):
        keys += _vat_keys(vat_id)
    yield Clue(keys, "BT-49")


def buyer_identifier(asked: Asked) -> Iterator[Clue]:
    """The buyer's identifiers with a scheme (BT-46), such as a GLN."""
    for identifier in asked.terms.buyer.identifiers:
        yield Clue(_identifier_keys(identifier), "BT-46")


def buyer_vat_identifier(asked: Asked) -> Iterator[Clue]:
    """The buyer's VAT identifier (BT-48)."""
    yield Clue(_vat_keys(asked.terms.buyer.vat_id or ""), "BT-48")


def buyer_legal_registration(asked: Asked) -> Iterator[Clue]:
    """The buyer's legal registration with a scheme (BT-47)."""
    if asked.terms.buyer.legal_registration:
        yield Clue(_identifier_keys(asked.terms.buyer.legal_registration), "BT-47")


def buyer_reference(asked: Asked) -> Iterator[Clue]:
    """The buyer reference (BT-10), in Germany a Leitweg-ID."""
    if asked.terms.buyer_reference:
        yield Clue(
            _identifier_keys(Identifier(scheme=LEITWEG_ID, value=asked.terms.buyer_reference)), "BT-10"
        )


def registered_domain(asked: Asked) -> Iterator[Clue]:
    """The domain of the recipient's address, unless it is one where anybody gets a mailbox."""
    domain = split_address(asked.forward_path)[2]
    try:
        key = domain_key(domain)
    except ValueError:
        return
    if not is_freemail(key.value):
        yield Clue((key,), FORWARD_PATH)


RULES: Mapping[MatchRule, Rule] = MappingProxyType(
    {
        MatchRule.RECIPIENT_ADDRESS: recipient_address,
        MatchRule.USER_ADDRESS: user_address,
        MatchRule.OPERATOR_DECISION: operator_decision,
        MatchRule.CUSTOMER_NUMBER: customer_number,
        MatchRule.BUYER_ELECTRONIC_ADDRESS: buyer_electronic_address,
        MatchRule.BUYER_IDENTIFIER: buyer_identifier,
        MatchRule.BUYER_VAT_IDENTIFIER: buyer_vat_identifier,
        MatchRule.BUYER_LEGAL_REGISTRATION: buyer_legal_registration,
        MatchRule.BUYER_REFERENCE: buyer_reference,
        MatchRule.REGISTERED_DOMAIN: registered_domain,
    }
)


def remembered_key(terms: BusinessTerms, forward_path: str) -> AccountKey | None:
    """What a decision about an invoice is remembered by: recipient and seller; None for a nameless seller."""
    recipient = next(iter(_address_keys(without_sub_address(forward_path))), None)
    seller = next(iter(_vat_keys(terms.seller.vat_id or "")), None)
    seller = seller or name_key(terms.seller.name or "")
    return decision_key(recipient.value if recipient else "", seller.value) if seller else None


def keys_to_look_up(
    forward_paths: Iterable[str], invoices: Iterable[BusinessTerms], partner_id: str | None
) -> set[AccountKey]:
    """Every key that a rule may ask for."""
    paths = list(forward_paths) or [""]
    return {
        key
        for terms in invoices
        for forward_path in paths
        for rule in RULES.values()
        for clue in rule(Asked(terms, forward_path, partner_id))
        for key in clue.keys
    }


def is_test_address(forward_path: str) -> bool:
    """Whether the sub-address (RFC 5233) of a recipient is "test"."""
    return split_address(forward_path)[1].casefold() == "test"


def without_sub_address(forward_path: str) -> str:
    """The recipient's address without its sub-address (RFC 5233)."""
    user, _, domain = split_address(forward_path)
    return f"{user}@{domain}" if domain else forward_path


def is_address(forward_path: str) -> bool:
    """Whether there is a mailbox to invite; not for "postmaster" without a domain (RFC 5321 4.5.1)."""
    return bool(_address_keys(forward_path))


def _address_keys(address: str) -> tuple[AccountKey, ...]:
    try:
        return address_key(address), address_key(without_sub_address(address))
    except ValueError:
        return ()


def _vat_keys(vat_id: str) -> tuple[AccountKey, ...]:
    try:
        return (vat_id_key(vat_id),)
    except ValueError:
        return ()  # documents carry all sorts of text here


def _identifier_keys(identifier: Identifier) -> tuple[AccountKey, ...]:
    try:
        return (identifier_key(identifier),)
    except ValueError:
        return ()  # without a scheme it is a name that the seller gave, which proves nothing
