"""Users, memberships, sessions, codes and throttles keep what the doors of the portal rely on."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from storage.errors import Conflict
from storage.people.codes import MOST_ATTEMPTS
from storage.people.sessions import ABSOLUTE_END, IDLE_END, needs_note
from storage.people.throttles import Limit
from storage.records.companies import AccountStatus
from storage.records.people import CodePurpose, MembershipState, Role
from storage.store import Store
from tests import making


def test_a_user_is_found_by_the_address_in_any_case_and_has_it_alone(store: Store) -> None:
    """Else the same mailbox could get two passwords."""
    anna = making.user(email="Anna@Company.example")
    with store.transaction() as records:
        records.users.add(anna)

    with store.reading() as records:
        assert records.users.by_email("ANNA@company.EXAMPLE") == anna
        assert records.users.by_email("no address") is None
    with pytest.raises(Conflict, match="already"), store.transaction() as records:
        records.users.add(making.user(email="anna@company.example"))


def test_a_mailbox_proven_again_changes_nothing_its_owner_set(store: Store, now: datetime) -> None:
    """Somebody who registers a second time does not replace the password or the name."""
    with store.transaction() as records:
        records.users.add(making.user(password_hash="first", confirmed_at=None))

    with store.transaction() as records:
        known = records.users.confirmed(making.user(password_hash="second", name="Other"), now)

    assert (known.password_hash, known.name, known.confirmed_at) == ("first", "Anna Muster", now)


def test_one_person_may_belong_to_several_companies(store: Store) -> None:
    """And each of them sees the person in its own role."""
    first, second = making.account(), making.account(name="Other AG", addresses=())
    anna = making.user()
    with store.transaction() as records:
        records.users.add(anna)
        for company, role in ((first, Role.ADMINISTRATOR), (second, Role.MEMBER)):
            records.accounts.add(company)
            records.memberships.put(making.membership(company.id, anna.id, role=role))

    with store.reading() as records:
        roles = {one.account_id: one.role for one in records.memberships.of_user(anna.id)}
        assert [one.user_id for one in records.memberships.administrators(first.id)] == [anna.id]
        assert records.memberships.administrators(second.id) == []
        assert records.memberships.without_administrator() == [second.id]
    assert roles == {first.id: Role.ADMINISTRATOR, second.id: Role.MEMBER}


def test_a_company_keeps_its_last_administrator(store: Store, now: datetime) -> None:
    """Whoever removes the last one would lock the company out."""
    company, anna = making.account(), making.user()
    with store.transaction() as records:
        records.accounts.add(company)
        records.users.add(anna)
        records.memberships.put(making.membership(company.id, anna.id))

    with pytest.raises(Conflict, match="appoint another"), store.transaction() as records:
        records.memberships.set_role(company.id, anna.id, Role.MEMBER)
    with pytest.raises(Conflict, match="appoint another"), store.transaction() as records:
        records.memberships.decide(
            company.id, anna.id, state=MembershipState.REMOVED, at=now, by=anna.id, reason=None
        )


def test_two_administrators_who_remove_each_other_at_once_leave_one(store: Store, now: datetime) -> None:
    """The second of them meets the rule of the last administrator."""
    company = making.account()
    people = [making.user(email=f"{name}@company.example") for name in "ab"]
    with store.transaction() as records:
        records.accounts.add(company)
        for person in people:
            records.users.add(person)
            records.memberships.put(making.membership(company.id, person.id))
    gate = threading.Barrier(2)

    def remove(whom: str) -> None:
        gate.wait()
        try:
            with store.transaction() as records:
                records.memberships.decide(
                    company.id, whom, state=MembershipState.REMOVED, at=now, by="other", reason=None
                )
        except Conflict:
            pass

    threads = [threading.Thread(target=remove, args=(person.id,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.reading() as records:
        assert len(records.memberships.administrators(company.id)) == 1


def test_a_session_is_known_by_its_token_until_it_is_over(store: Store, now: datetime) -> None:
    """It ends when it is not used, at last anyway, and when somebody ends it; the token is not in the database."""
    anna = making.user()
    with store.transaction() as records:
        records.users.add(anna)
        token = records.sessions.begin(anna.id, now)
        other = records.sessions.begin(anna.id, now)

    with store.transaction() as records:
        session = records.sessions.live(token, now)
        assert session is not None
        assert session.user_id == anna.id
        assert token.encode() not in session.token_digest
        assert records.sessions.live(token, now + IDLE_END) is None
        assert not needs_note(session, now)
        records.sessions.seen(session, now + ABSOLUTE_END - timedelta(hours=1))
        assert records.sessions.live(token, now + ABSOLUTE_END - timedelta(minutes=1)) is not None
        assert records.sessions.live(token, now + ABSOLUTE_END) is None
        assert records.sessions.live("guessed", now) is None
        records.sessions.end(session.id, "somebody else")
        assert len(records.sessions.of_user(anna.id, now)) == 2
        assert records.sessions.end_all(anna.id, but=session.id) == 1
        assert records.sessions.live(other, now) is None
        assert records.sessions.remove_ended(now + ABSOLUTE_END) == 1


def test_a_code_counts_once_and_only_with_its_flow(store: Store, now: datetime) -> None:
    """A code read over somebody's shoulder is worth nothing in another browser, nor a second time."""
    context = {"company": "Company Ltd"}
    with store.transaction() as records:
        new = records.codes.begin("anna@company.example", CodePurpose.REGISTER, context, now)
        other = records.codes.begin("eve@other.example", CodePurpose.REGISTER, {}, now)

    with store.transaction() as records:
        assert records.codes.prove(other.flow, new.code, now) is None or new.code == other.code
        proven = records.codes.prove(new.flow, f"{new.code[:4]} {new.code[4:]}", now)
        assert records.codes.prove(new.flow, new.code, now) is None
    assert proven is not None
    assert (proven.email, proven.context) == ("anna@company.example", context)


def test_a_code_bears_few_guesses_and_dies_of_age(store: Store, now: datetime) -> None:
    """After the last wrong one even the right one is wrong."""
    with store.transaction() as records:
        new = records.codes.begin("anna@company.example", CodePurpose.RESET, {}, now)
        old = records.codes.begin("anna@company.example", CodePurpose.RESET, {}, now)
        wrong = f"{(int(new.code) + 1) % 10**8:08}"

    with store.transaction() as records:
        for _ in range(MOST_ATTEMPTS):
            assert records.codes.prove(new.flow, wrong, now) is None
        assert records.codes.prove(new.flow, new.code, now) is None
        assert records.codes.find(new.flow, now) is None
        assert records.codes.prove(old.flow, old.code, now + timedelta(minutes=30)) is None


def test_a_flow_without_a_mail_looks_like_any_other(store: Store, now: datetime) -> None:
    """But no code is right: it is for addresses that are not known."""
    with store.transaction() as records:
        new = records.codes.begin("nobody@company.example", CodePurpose.RESET, {}, now, send=False)

    with store.transaction() as records:
        assert records.codes.find(new.flow, now) is not None
        assert records.codes.prove(new.flow, new.code, now) is None


def test_a_limit_counts_tries_of_one_and_begins_anew_in_time(store: Store, now: datetime) -> None:
    """Whoever guesses has to wait, and nobody else has."""
    limit = Limit(2, timedelta(minutes=1))
    with store.transaction() as records:
        asked = [records.throttles.allows("sign-in", "anna", limit, now) for _ in range(3)]

        assert asked == [True, True, False]
        assert records.throttles.spent("sign-in", "anna", limit, now)
        assert records.throttles.allows("sign-in", "ben", limit, now)
        assert records.throttles.allows("sign-in", "anna", limit, now + limit.within)
        records.throttles.forget("sign-in", "anna")
        assert not records.throttles.spent("sign-in", "anna", limit, now)
        assert records.throttles.remove_ended(now + timedelta(days=1)) == 1


def test_a_link_raced_fifty_times_at_once_is_redeemed_once(store: Store, now: datetime) -> None:
    """Each of the fifty sees a live link; one gets it."""
    company = making.account(status=AccountStatus.INVITED, invited_at=now, registered_at=None)
    link = making.link(company.id)
    with store.transaction() as records:
        records.accounts.add(company)
        records.links.add([link])
    won: list[str] = []
    gate = threading.Barrier(50)

    def redeem() -> None:
        gate.wait()
        with store.transaction() as records:
            if records.links.redeem(link.token_digest, now):
                won.append("won")

    threads = [threading.Thread(target=redeem) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert won == ["won"]


def test_a_registered_company_is_found_by_its_name_however_spelt(store: Store, now: datetime) -> None:
    """So nobody founds a twin; an invited company is not found by name, for nobody gave it one."""
    company = making.account(name="Müller & Söhne GmbH")
    invited = making.account(
        name="x@new.example", addresses=("x@new.example",), status=AccountStatus.INVITED, invited_at=now
    )
    with store.transaction() as records:
        records.accounts.add(company)
        records.accounts.add(invited)

    with store.transaction() as records:
        found = records.accounts.by_name("MUELLER und SÖHNE Gesellschaft mit beschränkter Haftung")
        assert found == company
        assert records.accounts.by_name("x@new.example") is None
        assert records.accounts.register(invited.id, "New Ltd.", now)
        assert not records.accounts.register(invited.id, "Other", now)
        registered = records.accounts.by_name("new limited")
        assert registered is not None
        assert registered.id == invited.id


def test_people_of_a_joining_domain_are_known_by_it(store: Store, now: datetime) -> None:
    """The domain has one normal form, and is there once."""
    company = making.account()
    with store.transaction() as records:
        records.accounts.add(company)
        for domain in ("Company.example", "company.example."):
            records.memberships.add_joining_domain(company.id, domain, at=now, by="anna")
        assert records.memberships.joining_domains(company.id) == ["company.example"]
        records.memberships.remove_joining_domain(company.id, "company.example")
        assert records.memberships.joining_domains(company.id) == []
