"""`invoices link` from outside: registration links, from making to revoking."""

from __future__ import annotations

from tests.commands import Commands

LINK_KEYS = ["id", "url", "email", "account", "state", "created_at", "expires_at"]


def test_a_link_is_made_listed_and_revoked(commands: Commands) -> None:
    """As CONTRACT writes a link; the account it invites to is made with it."""
    made = commands.one("link", "create", "neu@firma.example")

    [listed] = commands.lines("link", "list")
    revoked = commands.one("link", "revoke", made["id"])
    [invited] = commands.lines("account", "list")
    assert list(made) == LINK_KEYS
    assert made["url"].startswith("http://127.0.0.1:8080/register/")
    assert (made["email"], made["state"]) == ("neu@firma.example", "live")
    assert made["account"] == {"id": invited["id"], "name": "neu@firma.example", "status": "invited"}
    assert listed == made
    assert revoked == made | {"state": "revoked"}


def test_an_address_has_one_live_link(on_sqlite: Commands) -> None:
    """The second would make two ways in."""
    made = on_sqlite.one("link", "create", "neu@firma.example")

    said = on_sqlite.refused("link", "create", "NEU@firma.example")

    assert said == f"Error: neu@firma.example has a live registration link already: {made['id']}\n"


def test_a_link_is_shown_only_with_the_key_it_was_made_from(on_sqlite: Commands) -> None:
    """A copy of the database opens nothing."""
    on_sqlite.one("link", "create", "neu@firma.example")
    on_sqlite.environment["INVOICES_REGISTRATION__LINK_KEY"] = "another key, of 32 octets at least"

    [listed] = on_sqlite.lines("link", "list")

    assert (listed["url"], listed["state"]) == (None, "live")


def test_nothing_is_sent_again_without_outbound_mail(on_sqlite: Commands) -> None:
    """The command does not claim what it does not do: it fails, and names the link."""
    made = on_sqlite.one("link", "create", "neu@firma.example")

    said = on_sqlite.refused("link", "resend", made["id"])

    assert said.startswith("Error: nothing was sent, since outbound.smarthost is not set")
    assert made["url"] in said


def test_registering_an_invited_company_keeps_its_account_and_revokes_its_link(commands: Commands) -> None:
    """Its invoices stay with it."""
    made = commands.one("link", "create", "neu@firma.example")

    registered = commands.one("account", "add", "Firma", "--address", "neu@firma.example")

    [link] = commands.lines("link", "list")
    assert (registered["id"], registered["status"]) == (made["account"]["id"], "registered")
    assert link["state"] == "revoked"
    assert link["account"]["name"] == "Firma"
