"""Whose invoice it is: asks the rules in their order, and says where two of them contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ingest.processing.match_rules import BY_DOCUMENT, RULES, Asked, MatchRule, is_address
from storage.companies.account_keys import AccountKey, KeyKind
from storage.records.companies import CompanyAccount
from storage.records.invoices import MatchEvidence
from storage.records.reading import BusinessTerms


@dataclass(frozen=True, slots=True)
class Match:
    """An account and the evidence for it: what decided first, then whatever else agrees."""

    account_id: str
    evidence: tuple[MatchEvidence, ...]
    forward_path: str

    @property
    def rule(self) -> MatchRule:
        """The rule that decided."""
        return MatchRule(self.evidence[0].rule)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A recipient that no rule brings to an account, and why it cannot be invited if it cannot."""

    forward_path: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Contested:
    """A recipient whose invoice two accounts could claim with equal right: nobody gets it, an operator decides."""

    evidence: tuple[MatchEvidence, ...]  # of every account


@dataclass(frozen=True, slots=True)
class Matching:
    """What came out for one invoice: each account once, the recipients without one, and what is contested."""

    matches: tuple[Match, ...]
    unmatched: tuple[Unmatched, ...]
    contested: tuple[Contested, ...]


@dataclass(frozen=True, slots=True)
class Candidates:
    """The accounts that any key of a mail belongs to, loaded once."""

    owners: Mapping[AccountKey, str]
    accounts: Mapping[str, CompanyAccount]
    memberships: Mapping[AccountKey, tuple[str, ...]] = field(default_factory=dict)  # accounts of each user

    def of(self, key: AccountKey) -> tuple[str, ...]:
        """The accounts that have this key; only a user's address can be of several."""
        if key.kind is KeyKind.USER:
            return self.memberships.get(key, ())
        owner = self.owners.get(key)
        return (owner,) if owner else ()


def match(
    terms: BusinessTerms, forward_paths: Iterable[str], candidates: Candidates, partner_id: str | None = None
) -> Matching:
    """The accounts of one invoice; `partner_id` is who sent it.

    The recipient's own address comes first: whoever addresses a company's mailbox means that company,
    whatever the document says. What it says of the buyer (BG-7) counts only for an unregistered recipient.
    """
    paths = list(forward_paths)
    found = [_match_one(Asked(terms, path, partner_id), candidates) for path in paths or [""]]
    matches: dict[str, Match] = {}
    for one in found:
        if isinstance(one, Match):
            matches.setdefault(one.account_id, one)
    return Matching(
        tuple(matches.values()),
        tuple(one for one in found if isinstance(one, Unmatched)) if paths else (),
        tuple(one for one in found if isinstance(one, Contested)),
    )


def named_buyers(terms: BusinessTerms, candidates: Candidates, partner_id: str | None = None) -> set[str]:
    """The ids of all accounts that the document itself names as buyer."""
    return {one.account_id for one in _evidence(BY_DOCUMENT, Asked(terms, "", partner_id), candidates)}


def _match_one(asked: Asked, candidates: Candidates) -> Match | Unmatched | Contested:
    steps: tuple[Sequence[MatchRule], ...] = (
        (MatchRule.RECIPIENT_ADDRESS,),
        (MatchRule.USER_ADDRESS,),
        (MatchRule.OPERATOR_DECISION,),
        BY_DOCUMENT,  # together: a document that names two companies names none
        (MatchRule.REGISTERED_DOMAIN,),
    )
    for rules in steps:
        found = _evidence(rules, asked, candidates)
        accounts = {one.account_id for one in found}
        if len(accounts) > 1 and rules == (MatchRule.USER_ADDRESS,):
            # Somebody who works for several companies: the document says which of them is meant.
            accounts &= named_buyers(asked.terms, candidates, asked.partner_id)
        if len(accounts) == 1:
            return _match(accounts.pop(), found, asked, candidates)
        if found:
            return Contested(found)
    if not is_address(asked.forward_path):
        return Unmatched(asked.forward_path, f'"{asked.forward_path}" is no address that could be invited')
    return Unmatched(asked.forward_path)


def _match(account_id: str, found: Sequence[MatchEvidence], asked: Asked, candidates: Candidates) -> Match:
    decisive = tuple(one for one in found if one.account_id == account_id)
    others = _evidence(tuple(RULES), asked, candidates)
    agreeing = tuple(one for one in others if one.account_id == account_id and one not in decisive)
    return Match(account_id, decisive + agreeing, asked.forward_path)


def _evidence(rules: Iterable[MatchRule], asked: Asked, candidates: Candidates) -> tuple[MatchEvidence, ...]:
    return tuple(
        MatchEvidence(rule=rule, kind=key.kind, value=key.value, where=clue.where, account_id=owner)
        for rule in rules
        for clue in RULES[rule](asked)
        for key, owner in _of_first_known(clue.keys, candidates)
    )


def _of_first_known(keys: Iterable[AccountKey], candidates: Candidates) -> list[tuple[AccountKey, str]]:
    for key in keys:
        owners = candidates.of(key)
        if owners:
            return [(key, owner) for owner in owners]
    return []
