"""What is wrong with a form, and a person's own page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal import passwords
from storage.records.outgoing import OutboundState
from storage.records.people import Language
from tests.portal.browsers import NOW, Place
from tests.portal.doors import (
    ANNA,
    ENTERED,
    PASSWORD,
    sent_mails,
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"email": "no address"}, "no e-mail address"),
        ({"email": "a@b"}, "no e-mail address"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "no e-mail address"),
        ({"name": " "}, "Please give your name"),
        ({"company": "!!!"}, "name of the company"),
        ({"company": "x" * 121}, "name of the company"),
        ({"password": "short"}, "at least"),
        ({"password": "aaaaaaaaaaaa"}, "too easy"),
        ({"password": ANNA}, "too easy"),
        ({"password": "x1" * 101}, "at most"),
    ],
)
def test_what_is_wrong_with_a_form_is_said_at_its_field(
    place: Place, changes: dict[str, str], said: str
) -> None:
    """With what was entered still there, but for the password; and nothing has happened."""
    browser = place.browser()
    browser.get("/register")

    answer = browser.post("/register", ENTERED | changes)

    assert answer.status_code == 400
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert PASSWORD not in answer.text
    assert sent_mails(place) == []


def test_a_person_changes_name_language_and_notices(place: Place) -> None:
    """Mails come in the chosen language, about the chosen companies."""
    company = place.company()
    anna = place.user(company)
    browser = place.signed_in(anna)
    browser.get("/account")

    browser.post("/account", {"name": "Anna  Neu", "language": "de"})
    browser.get("/account")
    browser.post("/account/notices", {})

    with place.store.reading() as records:
        changed = records.users.get(anna.id)
        assert records.memberships.get(company.id, anna.id).notify is False
    assert (changed.name, changed.language) == ("Anna Neu", Language.GERMAN)
    assert "Mein Konto" in browser.get("/account").text


def test_a_password_is_changed_by_who_knows_the_old_one(place: Place) -> None:
    """Every other browser is signed out, this one stays."""
    anna = place.user(password_hash=passwords.hashed("the old password"))
    here, elsewhere = place.signed_in(anna), place.signed_in(anna)
    here.get("/account")

    wrong = here.post("/account/password", {"old": "guessed guessed", "password": PASSWORD})
    right = here.post("/account/password", {"old": "the old password", "password": PASSWORD})

    assert (wrong.status_code, right.status_code) == (400, 303)
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303


def test_a_person_signs_other_browsers_out_but_nobody_elses(place: Place) -> None:
    """The id of a session of somebody else is of no use."""
    anna, eve = place.user(), place.user()
    here, lost, hers = place.signed_in(anna), place.signed_in(anna), place.signed_in(eve)
    with place.store.reading() as records:
        [session] = records.sessions.of_user(eve.id, NOW)
    here.get("/account")

    here.post("/account/sessions/end", {"session": session.id})
    here.post("/account/sessions/end")

    assert hers.get("/account").status_code == 200
    assert lost.get("/account").status_code == 303
    assert here.get("/account").status_code == 200


def test_codes_lie_in_the_outbox_until_they_are_sent_and_no_longer(place: Place) -> None:
    """And the database never holds the browser's half of a flow."""
    browser = place.browser()
    browser.get("/register")
    browser.post("/register", ENTERED)
    [mail] = sent_mails(place)

    with place.store.transaction() as records:
        records.outbox.claim(by="a", now=NOW, lease=timedelta(minutes=1), limit=1)
        records.outbox.sent(mail, by="a", at=NOW, message_id="<1@host>", reply="250")
        [sent] = records.outbox.select(OutboundState.SENT)

    assert sent.context == {}
    assert browser.client.cookies["flow"] not in str(sent)
