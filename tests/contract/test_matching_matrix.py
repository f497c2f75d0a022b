"""Every rule of matching, and every two of them against each other, with accounts in a real database of each engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from ingest.processing.match_rules import BY_DOCUMENT, MatchRule
from ingest.processing.matching import Matching, match
from ingest.processing.on_record import load_on_record
from storage.errors import Conflict
from storage.records.companies import CompanyAccount, RememberedDecision
from storage.records.mails import ReceivedMail
from storage.records.people import Membership, MembershipState, Role
from storage.records.reading import Identifier, MailReading, Party
from storage.store import Store
from storage.transaction import Transaction
from tests import making

ADDRESS = "billing@company.example"
PARTNER = "0190aaaa-0000-7000-8000-000000000001"

READING: MailReading = making.mail_reading(
    invoices=(
        making.invoice_reading(
            terms=making.terms(
                seller=Party(name="Supplier", vat_id="DE123456788"),
                buyer=Party(
                    vat_id="BE 0123.456.749",
                    identifiers=(
                        Identifier(scheme="", value="K 17"),
                        Identifier(scheme="0088", value="4012345000009"),
                    ),
                    legal_registration=Identifier(scheme="0002", value="552 100 554"),
                    electronic_address=Identifier(scheme="9930", value="DE555555551"),
                ),
                buyer_reference="99999999-MUSTER-21",
            )
        ),
    )
)


class _Undo(Exception):  # noqa: N818  -- no error, only the way out of a transaction
    pass


@contextmanager
def _undone(store: Store) -> Iterator[Transaction]:
    """A transaction that leaves nothing behind, so that one database serves every pair."""
    try:
        with store.transaction() as records:
            records.partners.add(making.partner(id=PARTNER, vat_ids=("DE123456788",)), at=making.NOW)
            yield records
            raise _Undo  # noqa: TRY301  -- the transaction ends by any exception
    except _Undo:
        pass


def _mail(*forward_paths: str) -> ReceivedMail:
    return making.received_mail(envelope=making.envelope(forward_paths=forward_paths))


def _with_keys(**keys: Any) -> Callable[[Transaction, str], None]:
    def give(records: Transaction, account_id: str) -> None:
        records.accounts.extend(account_id, replace(_account(account_id), **keys))

    return give


def _with_user(records: Transaction, account_id: str) -> None:
    user = making.user(email=ADDRESS, confirmed_at=making.NOW)
    records.users.add(user)
    records.memberships.put(
        Membership(
            account_id=account_id,
            user_id=user.id,
            role=Role.MEMBER,
            state=MembershipState.ACTIVE,
            created_at=making.NOW,
        )
    )


def _with_decision(records: Transaction, account_id: str) -> None:
    records.accounts.remember(RememberedDecision(key=f"{ADDRESS} from DE123456788", account_id=account_id))


# What makes an account the one that a rule finds.
OWNING: dict[MatchRule, Callable[[Transaction, str], None]] = {
    MatchRule.RECIPIENT_ADDRESS: _with_keys(addresses=(ADDRESS.upper(),)),
    MatchRule.USER_ADDRESS: _with_user,
    MatchRule.OPERATOR_DECISION: _with_decision,
    MatchRule.CUSTOMER_NUMBER: _with_keys(customer_numbers=(f"{PARTNER}:k17",)),
    MatchRule.BUYER_ELECTRONIC_ADDRESS: _with_keys(vat_ids=("DE 555 555 551",)),
    MatchRule.BUYER_IDENTIFIER: _with_keys(identifiers=(Identifier(scheme="0088", value="4012345000009"),)),
    MatchRule.BUYER_VAT_IDENTIFIER: _with_keys(vat_ids=("BE123456749",)),
    MatchRule.BUYER_LEGAL_REGISTRATION: _with_keys(
        identifiers=(Identifier(scheme="0002", value="552100554"),)
    ),
    MatchRule.BUYER_REFERENCE: _with_keys(
        identifiers=(Identifier(scheme="0204", value="99999999-muster-21"),)
    ),
    MatchRule.REGISTERED_DOMAIN: _with_keys(domains=("Company.example",)),
}


def _account(account_id: str) -> CompanyAccount:
    return making.account(id=account_id, name=f"Company {account_id}", addresses=())


def _matching(records: Transaction, *forward_paths: str) -> Matching:
    on_record = load_on_record(records, _mail(*forward_paths), READING, making.NOW, with_audience=False)
    assert on_record.partner is not None
    return match(READING.invoices[0].terms, forward_paths, on_record.candidates, on_record.partner.id)


def test_every_rule_that_looks_something_up_is_in_the_matrix() -> None:
    """A rule that comes later must come here, too."""
    assert list(OWNING) == [rule for rule in MatchRule if rule is not MatchRule.INVITATION]


def test_every_rule_finds_its_account_with_evidence(store: Store) -> None:
    """And the evidence is a key that the account has, from the place that the rule looks at."""
    found = {}
    for rule, give in OWNING.items():
        with _undone(store) as records:
            records.accounts.add(_account("a"))
            give(records, "a")
            [one] = _matching(records, ADDRESS).matches
            found[rule] = (one.account_id, [(each.rule, each.account_id) for each in one.evidence])

    assert found == {rule: ("a", [(rule, "a")]) for rule in OWNING}


def _expected(one: MatchRule, other: MatchRule) -> tuple[set[str], set[str]]:
    """(accounts that get the invoice, accounts that contest it) where `one` finds a and `other` finds b."""
    if one in BY_DOCUMENT and other in BY_DOCUMENT:
        return set(), {"a", "b"}
    order = list(MatchRule)
    return {"a" if order.index(one) < order.index(other) else "b"}, set()


@pytest.mark.parametrize("first", ["a", "b"])
def test_every_two_rules_against_each_other(store: Store, first: str) -> None:
    """The envelope wins, then the decision, then the document, then the domain; it does not matter who came first."""
    wrong = {}
    for one, other in permutations(OWNING, 2):
        with _undone(store) as records:
            for account_id in sorted("ab", reverse=first == "b"):
                records.accounts.add(_account(account_id))
                OWNING[one if account_id == "a" else other](records, account_id)
            found = _matching(records, ADDRESS)
            who = {match.account_id for match in found.matches}
            contesting = {each.account_id for contested in found.contested for each in contested.evidence}
            leaked = {
                each.account_id
                for match in found.matches
                for each in match.evidence
                if each.account_id != match.account_id
            }
            if ((who, contesting), leaked) != (_expected(one, other), set()):
                wrong[one, other] = (who, contesting, leaked)

    assert wrong == {}


def test_every_two_rules_that_agree_are_both_on_record(store: Store) -> None:
    """One account, found twice: the earlier rule decides, the other is kept as further evidence."""
    wrong = {}
    order = list(MatchRule)
    for one, other in permutations(OWNING, 2):
        with _undone(store) as records:
            records.accounts.add(_account("a"))
            OWNING[one](records, "a")
            OWNING[other](records, "a")
            found = _matching(records, ADDRESS)
            rules = [[each.rule for each in match.evidence] for match in found.matches]
            if found.contested or rules != [sorted([one, other], key=order.index)]:
                wrong[one, other] = rules

    assert wrong == {}


def test_several_recipients_of_one_account_are_one_match(store: Store) -> None:
    """Filed once for each account, not for each address, by whichever rules the recipients find it."""
    with _undone(store) as records:
        records.accounts.add(_account("a"))
        records.accounts.add(_account("b"))
        OWNING[MatchRule.RECIPIENT_ADDRESS](records, "a")
        OWNING[MatchRule.REGISTERED_DOMAIN](records, "a")
        records.accounts.extend("b", replace(_account("b"), addresses=("b@other.example",)))
        found = _matching(records, "other@company.example", ADDRESS, "b@other.example", ADDRESS)

        assert [match.account_id for match in found.matches] == ["a", "b"]


def test_a_user_of_two_companies_is_contested_until_the_document_tells(store: Store) -> None:
    """The company that was not meant must not see it."""
    with _undone(store) as records:
        for account_id in "ab":
            records.accounts.add(_account(account_id))
        _with_user(records, "a")
        user = records.users.by_email(ADDRESS)
        assert user is not None
        records.memberships.put(replace(records.memberships.get("a", user.id), account_id="b"))
        before = _matching(records, ADDRESS)
        OWNING[MatchRule.BUYER_VAT_IDENTIFIER](records, "b")
        after = _matching(records, ADDRESS)

        assert (before.matches, len(before.contested)) == ((), 1)
        assert [match.account_id for match in after.matches] == ["b"]


def test_a_user_who_waits_or_left_is_nobody(store: Store) -> None:
    """Whoever asks to join a company must not turn its mail, nor theirs into the company's."""
    with _undone(store) as records:
        records.accounts.add(_account("a"))
        _with_user(records, "a")
        user = records.users.by_email(ADDRESS)
        assert user is not None
        for state in (MembershipState.WAITING, MembershipState.REJECTED, MembershipState.REMOVED):
            records.memberships.put(replace(records.memberships.get("a", user.id), state=state))
            found = _matching(records, ADDRESS)

            assert found.matches == ()


def test_two_accounts_cannot_have_the_same_key(store: Store) -> None:
    """However differently it is written; so no rule can find two by one key."""
    for rule, give in OWNING.items():
        if rule in (MatchRule.USER_ADDRESS, MatchRule.OPERATOR_DECISION):
            continue
        with _undone(store) as records:
            records.accounts.add(_account("a"))
            records.accounts.add(_account("b"))
            give(records, "a")
            with pytest.raises(Conflict):
                give(records, "b")
