"""Leaving a company: who may, and what is left."""

from __future__ import annotations

from storage.records.acts import ActName
from storage.records.people import MembershipState, Role
from tests.portal.browsers import Place


def test_a_member_leaves(place_on_each: Place) -> None:
    """After one more question; the pages are shut from the next click on, and it is on record."""
    place = place_on_each
    company = place.company(name="Musterwerk GmbH")
    place.user(company)
    user = place.user(company, role=Role.MEMBER)
    browser, own = place.signed_in(user), f"/companies/{company.id}/leave"
    linked, asked = own in browser.get("/account").text, browser.get(own).text

    answer = browser.post(own)

    assert linked
    assert "Yes, leave" in asked
    assert answer.headers["location"] == "/?notice=left"
    assert browser.get(f"/companies/{company.id}/invoices").status_code == 404
    with place.store.reading() as records:
        known = records.memberships.get(company.id, user.id)
        [act] = records.acts.of(company.id)
    assert (known.state, known.decided_by) == (MembershipState.REMOVED, user.id)
    assert (act.name, act.actor) == (ActName.MEMBER_LEFT, f"user {user.email}")


def test_the_last_administrator_of_others_stays(place: Place) -> None:
    """Else nobody could decide about them; with a second one it goes."""
    company = place.company()
    first = place.user(company)
    place.user(company, role=Role.MEMBER)
    browser, own = place.signed_in(first), f"/companies/{company.id}/leave"
    asked = browser.get(own).text

    refused = browser.post(own)
    place.user(company)
    left = browser.post(own)

    assert "Appoint a second one first" in asked
    assert refused.status_code == 409
    assert left.headers["location"] == "/?notice=left"


def test_somebody_alone_may_leave(place: Place) -> None:
    """Nobody is kept against their will; the page says what becomes of the invoices."""
    company = place.company()
    browser, own = place.signed_in(place.user(company)), f"/companies/{company.id}/leave"

    asked = browser.get(own).text
    left = browser.post(own)

    assert "You are the last person." in asked
    assert left.headers["location"] == "/?notice=left"
    with place.store.reading() as records:
        assert company.id in records.memberships.without_administrator()
