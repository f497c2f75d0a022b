"""What all commands have in common: settings, options, help, exit statuses, a safe terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.main import main
from tests.commands import Commands
from tests.filed_mails import file_invoice


def test_wrong_settings_end_with_2_and_name_each_key(on_sqlite: Commands) -> None:
    """On standard error, so that --json prints nothing."""
    on_sqlite.environment |= {"INVOICES_SMTP__PROCESSES": "0", "INVOICES_LOG__FORMAT": "xml"}

    said = on_sqlite.misused("status")

    assert said == (
        "The settings cannot be used:\n"
        "  INVOICES_SMTP__PROCESSES: smtp.processes: expected greater than or equal to 1\n"
        "  INVOICES_LOG__FORMAT: log.format: expected 'json' or 'console'\n"
    )


def test_a_settings_file_that_is_not_there_ends_with_2(on_sqlite: Commands, tmp_path: Path) -> None:
    """It is named."""
    missing = tmp_path / "nothing.toml"

    assert f"{missing}: cannot be read" in on_sqlite.misused("status", "--config", str(missing))


def test_config_and_json_may_stand_before_the_command(on_sqlite: Commands, tmp_path: Path) -> None:
    """And between a group and its command."""
    config = tmp_path / "invoices.toml"
    config.write_text(f'data_dir = "{tmp_path / "elsewhere"}"\n', encoding="utf-8")
    on_sqlite.environment.clear()

    done = on_sqlite.call("--config", str(config), "account", "--json", "list")

    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "elsewhere/invoices.db").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["mail", "list", "--outcome", "lost"], "'lost' is not one of"),
        (["list", "--since", "yesterday"], '"yesterday" is no date such as 2026-11-24'),
        (["account", "add"], "Missing argument 'NAME'"),
        (["replay"], "Missing argument 'PATH...'"),
        (["replay", "/nowhere/at/all"], "does not exist"),
        (["serve", "lunch"], 'there is no part "lunch"; the parts are smtp, worker, portal'),
    ],
)
def test_wrong_usage_ends_with_2(on_sqlite: Commands, arguments: list[str], said: str) -> None:
    """With what is wrong."""
    assert said in on_sqlite.misused(*arguments)


def test_a_database_that_is_away_ends_with_1_and_one_sentence(on_sqlite: Commands) -> None:
    """No stack trace, no password."""
    url = "postgresql+psycopg://nobody:geheim@127.0.0.1:1/nothing"
    on_sqlite.environment["INVOICES_DATABASE__URL"] = url

    said = on_sqlite.refused("list")

    assert said.startswith("Error: ")
    assert len(said.splitlines()) == 1
    assert "geheim" not in said


def _leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, sub in command.commands.items():
            yield from _leaves(sub, (*path, name))


def _all_commands() -> click.Command:
    main.all_commands()  # they are imported when they are called, else
    return main


@pytest.mark.parametrize("path", list(_leaves(_all_commands())), ids=" ".join)
def test_every_command_has_help(on_sqlite: Commands, path: tuple[str, ...]) -> None:
    """It names --config and --json, and opens no store."""
    done = on_sqlite.call(*path, "--help")

    assert done.exit_code == 0
    assert f"Usage: {' '.join(('invoices', *path))} " in done.stdout
    assert "--config" in done.stdout
    assert "--json" in done.stdout
    assert not Path(on_sqlite.environment["INVOICES_DATA_DIR"]).exists()


def test_a_terminal_is_not_fooled_by_what_a_mail_holds(on_sqlite: Commands) -> None:
    """Escape sequences and markup of senders are shown as text."""
    filed = file_invoice(on_sqlite.url, name="\x1b[31mred[/bold]")

    done = on_sqlite.call("show", filed.invoice_id)

    assert "\x1b" not in done.stdout
    assert "\N{REPLACEMENT CHARACTER}[31mred[/bold]" in done.stdout
