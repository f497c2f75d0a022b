"""`invoices partner` from outside: who is trusted, who is blocked."""

from __future__ import annotations

from tests.commands import Commands


def test_a_partner_is_added_trusted_and_blocked(commands: Commands) -> None:
    """Each command answers with the partner as it is afterwards; a block does not touch the environment."""
    added = commands.one("partner", "add", "Lieferant", "--domain", "l.example", "--environment", "test")

    trusted = commands.one("partner", "trust", "l.example", "--environment", "productive")
    blocked = commands.one("partner", "block", "lieferant")

    assert (added["trust"], added["environment"]) == ("new", "test")
    assert trusted == added | {"trust": "known", "environment": "productive"}
    assert blocked == trusted | {"trust": "blocked"}
    assert commands.lines("partner", "list") == [blocked]


def test_a_partner_that_is_not_there(on_sqlite: Commands) -> None:
    """One sentence, exit status 1."""
    assert "nobody" in on_sqlite.refused("partner", "block", "nobody")
