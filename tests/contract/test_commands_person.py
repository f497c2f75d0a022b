"""The way back for somebody who lost the second factor: an operator's word, on record."""

from __future__ import annotations

from storage.records.factors import Authenticator
from storage.store import Store
from tests import making
from tests.commands import Commands

ANNA = "anna@company.example"


def _protected(commands: Commands) -> str:
    store = Store.open(commands.url)
    person = making.user(email=ANNA)
    app = Authenticator(user_id=person.id, secret_id="1", secret_digest=b"x", set_at=making.NOW)
    with store.transaction() as records:
        records.users.add(person)
        records.factors.set_authenticator(app, 1)
        records.factors.replace_recovery_codes(person.id, [b"1", b"2"], making.NOW)
        records.sessions.begin(person.id, making.NOW)
    store.close()
    return person.id


def test_an_operator_drops_the_second_factor(commands: Commands) -> None:
    """Everything of it is gone, every browser signed out; who did it is on record."""
    _protected(commands)
    before = commands.one("person", "show", ANNA)

    dropped = commands.one("person", "drop-factor", ANNA.upper())

    assert (before["authenticator_set_at"], before["recovery_codes_left"]) == ("2026-11-24T09:00:00Z", 2)
    assert (dropped["authenticator_set_at"], dropped["recovery_codes_left"], dropped["sessions"]) == (
        None,
        0,
        0,
    )
    assert [one["act"] for one in dropped["acts"]] == ["factors-removed"]
    assert dropped["acts"][0]["actor"].startswith("operator ")
    assert "already" in commands.refused("person", "drop-factor", ANNA)


def test_an_operator_signs_somebody_out(commands: Commands) -> None:
    """In every browser; the second factor stays."""
    _protected(commands)

    ended = commands.one("person", "sign-out", ANNA)

    assert ended == {"email": ANNA, "ended": 1}
    assert commands.one("person", "show", ANNA)["authenticator_set_at"] is not None
    assert "nobody" in commands.refused("person", "sign-out", "nobody@company.example")
