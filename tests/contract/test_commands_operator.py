"""`invoices operator` from outside: who may use the operator's pages, and what was decided."""

from __future__ import annotations

import pytest

from portal import passwords
from storage.store import Store
from tests.commands import Commands


def test_the_role_is_given_listed_and_taken(commands: Commands) -> None:
    """To somebody who belongs to no company, and whose mailbox the operator of the machine vouches for."""
    added = commands.one("operator", "add", "olga@mailbox.example", "--name", "Olga", "--language", "de")
    listed = commands.lines("operator", "list")
    again = commands.refused("operator", "add", "OLGA@mailbox.example")
    removed = commands.one("operator", "remove", "olga@mailbox.example")
    acts = commands.lines("operator", "acts")

    assert listed == [added]
    assert (added["email"], added["name"]) == ("olga@mailbox.example", "Olga")
    assert added["given_by"].startswith("operator ")
    assert "an operator already" in again
    assert removed == {"email": "olga@mailbox.example"}
    assert commands.lines("operator", "list") == []
    assert [(act["act"], act["detail"]) for act in acts] == [
        ("operator-removed", {"email": "olga@mailbox.example"}),
        ("operator-added", {"email": "olga@mailbox.example"}),
    ]


def test_a_password_comes_by_standard_input(on_sqlite: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no mail is sent there is no other way to get one; an easy one is refused."""
    monkeypatch.setattr("cli.operator._entered", lambda: "correct horse battery")
    on_sqlite.one("operator", "add", "olga@mailbox.example", "--password")
    monkeypatch.setattr("cli.operator._entered", lambda: "short")
    refused = on_sqlite.misused("operator", "add", "otto@mailbox.example", "--password")

    store = Store.open(on_sqlite.url)
    with store.reading() as records:
        olga = records.users.by_email("olga@mailbox.example")
        otto = records.users.by_email("otto@mailbox.example")
    store.close()
    assert olga is not None
    assert passwords.fits("correct horse battery", olga.password_hash)
    assert "10 characters" in refused
    assert otto is None


def test_nobody_loses_a_role_that_nobody_has(on_sqlite: Commands) -> None:
    """A misspelt address is no success."""
    assert "nobody" in on_sqlite.refused("operator", "remove", "nobody@mailbox.example")


def test_what_commands_decide_is_on_record(commands: Commands) -> None:
    """Partners and held mails: the same acts as on the operator's pages; nothing is noted where nothing changes."""
    commands.one("partner", "add", "Lieferant", "--domain", "l.example", "--environment", "test")

    commands.one("partner", "trust", "l.example", "--environment", "productive")
    commands.one("partner", "trust", "l.example", "--environment", "productive")
    commands.one("outbound", "hold", "--partner", "l.example")
    commands.one("outbound", "hold", "--partner", "l.example", "--off")

    acts = commands.lines("operator", "acts")[::-1]
    assert [(act["act"], act["detail"].get("to")) for act in acts] == [
        ("partner-trust", "known"),
        ("partner-environment", "productive"),
        ("partner-trust", "known"),
        ("mails-held", None),
        ("mails-resumed", None),
    ]


def test_an_act_is_never_edited(commands: Commands) -> None:
    """The database itself refuses it, whoever asks."""
    commands.one("operator", "add", "olga@mailbox.example")
    store = Store.open(commands.url)

    refused = 0
    for statement in ("UPDATE act SET actor = 'x'", "DELETE FROM act"):
        with pytest.raises(Exception, match="decided"), store._engine.begin() as connection:
            connection.exec_driver_sql(statement)
        refused += 1

    store.close()
    assert refused == 2
