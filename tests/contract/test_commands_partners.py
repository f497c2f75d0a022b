"""`invoices partner` from outside: who is trusted, who is blocked."""

from __future__ import annotations

from pathlib import Path

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


def test_partners_go_out_and_come_in_as_csv(commands: Commands, tmp_path: Path) -> None:
    """What was exported is imported elsewhere without loss; a second time it changes nothing."""
    table = tmp_path / "partners.csv"
    table.write_text(
        "name,domains,vat_ids,bank_accounts,trust\n"
        "Lieferant,l.example lieferant.example,DE123456788,DE72000000000000001001,known\n"
        "=Formel,,,,\n"
    )

    first = commands.one("partner", "import", str(table))
    again = commands.one("partner", "import", str(table))
    out = commands.call("partner", "export")

    shown = commands.one("partner", "show", "l.example")
    assert (first, again) == ({"added": 2, "completed": 0}, {"added": 0, "completed": 2})
    assert (shown["domains"], shown["trust"]) == (["l.example", "lieferant.example"], "known")
    assert shown["bank_accounts"] == ["DE72000000000000001001"]
    assert out.stdout.splitlines()[1].startswith("'=Formel,")
    assert "Lieferant,l.example lieferant.example,DE123456788,DE72000000000000001001,,known" in out.stdout


def test_a_table_with_a_mistake_adds_nothing(on_sqlite: Commands, tmp_path: Path) -> None:
    """The line is named."""
    table = tmp_path / "partners.csv"
    table.write_text("name,trust\nA,known\nB,perhaps\n")

    assert on_sqlite.refused("partner", "import", str(table)).startswith("Error: line 3: ")
    assert on_sqlite.lines("partner", "list") == []
