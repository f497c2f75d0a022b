"""`invoices account` from outside: what identifies a company, and to whom a key belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import Commands

ACCOUNT_KEYS = [
    *("id", "name", "status", "addresses", "vat_ids", "domains", "identifiers"),
    *("customer_numbers", "decisions", "warning_policy", "invited_at", "registered_at"),
]


def test_an_account_is_added_listed_and_shown(commands: Commands) -> None:
    """As CONTRACT writes an account; found by id, name without case, and address."""
    added = commands.one(
        *("account", "add", "Musterwerk GmbH", "--address", "re@musterwerk.example"),
        *("--vat-id", "DE123456788", "--domain", "musterwerk.example"),
        *("--identifier", "0088:4012345000009"),
    )

    shown = [commands.one("account", "show", text) for text in (added["id"], "MUSTERWERK gmbh")]
    by_address = commands.one("account", "show", "RE@musterwerk.example")
    assert list(added) == ACCOUNT_KEYS
    assert {key: added[key] for key in ACCOUNT_KEYS[1:-1]} == {
        "name": "Musterwerk GmbH",
        "status": "registered",
        "addresses": ["re@musterwerk.example"],
        "vat_ids": ["DE123456788"],
        "domains": ["musterwerk.example"],
        "identifiers": ["0088:4012345000009"],
        "customer_numbers": [],
        "decisions": [],
        "warning_policy": "note",
        "invited_at": None,
    }
    assert shown == [added, added]
    assert by_address == added
    assert commands.lines("account", "list") == [added]


def test_a_key_of_another_account_is_refused(commands: Commands) -> None:
    """The sentence names the key and its owner; nothing is added."""
    commands.one("account", "add", "A", "--vat-id", "DE123456788")

    said = commands.refused("account", "add", "B", "--vat-id", "DE 123 456 788", "--address", "b@b.example")

    assert said == 'Error: vat-id "DE123456788" belongs to the account "A" already\n'
    assert [account["name"] for account in commands.lines("account", "list")] == ["A"]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--address", "nobody", '"nobody" is not an address such as "invoices@company.example"'),
        ("--vat-id", "12", '"12" is not a VAT identifier such as "DE123456789"'),
        ("--domain", "a@b", '"a@b" is not a domain such as "company.example"'),
        (
            "--identifier",
            "4012345000009",
            '"4012345000009:" is not SCHEME:VALUE such as "0088:4012345000009"',
        ),
    ],
)
def test_a_key_that_is_none_is_refused(on_sqlite: Commands, option: str, value: str, said: str) -> None:
    """With what was expected."""
    assert on_sqlite.refused("account", "add", "A", option, value) == f"Error: {said}\n"


def test_an_account_without_a_name_is_refused(on_sqlite: Commands) -> None:
    """Blanks are no name."""
    assert on_sqlite.refused("account", "add", " ") == "Error: the name of an account cannot be empty\n"


def test_an_account_that_is_not_there(on_sqlite: Commands) -> None:
    """One sentence, exit status 1."""
    assert on_sqlite.refused("account", "show", "nobody") == 'Error: there is no account "nobody"\n'


def test_suspicious_invoices_are_held_as_the_account_wants_and_released(on_sqlite: Commands) -> None:
    """From the policy to the release by an operator, through the real worker; nothing suspicious is not held."""
    sample = str(Path(__file__).parents[2] / "fixtures/mail/match-by-buyer-vat-identifier/message.eml")
    on_sqlite.environment["INVOICES_AUTHENTICATION__RESOLVERS"] = ""
    on_sqlite.one("account", "add", "A", "--vat-id", "DE666666660")
    on_sqlite.one("partner", "add", "Wagner", "--vat-id", "DE111111117", "--domain", "wagner.example")
    changed = on_sqlite.one("account", "policy", "A", "quarantine")

    [row] = on_sqlite.program("replay", sample, "--to", "x@nobody.example")
    invoice = on_sqlite.one("show", row["invoices"][0]["id"])
    released = on_sqlite.one("release", invoice["id"])

    assert changed["warning_policy"] == "quarantine"
    assert "vat-id-of-another-sender" in [one["code"] for one in invoice["sender_warnings"]]
    assert (invoice["second_look"], released["second_look"]) == ("withheld", "released")
    events = [event["event"] for event in on_sqlite.lines("history", invoice["id"])]
    assert [one for one in events if one in ("second-look", "released")] == ["second-look", "released"]
    assert "not held" in on_sqlite.refused("release", invoice["id"])
