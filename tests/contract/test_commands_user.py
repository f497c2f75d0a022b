"""`invoices user hash`."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from cli.main import main
from ingest.receiving.users import Users
from tests.commands import Commands


def test_the_line_lets_its_user_in(on_sqlite: Commands, tmp_path: Path) -> None:
    """The password comes by standard input, so that no list of processes shows it."""
    done = CliRunner(env=dict(on_sqlite.environment)).invoke(
        main, ["user", "hash", "relay"], input="p\u00e4ss:word\n"
    )
    file = tmp_path / "users"
    file.write_text(f"# our relays\n\n{done.stdout}", "utf-8")
    users = Users(file)

    assert done.exit_code == 0
    assert done.stdout.startswith("relay:$argon2id$")
    assert users.verify("relay", "p\u00e4ss:word")
    assert not users.verify("relay", "other")
    assert not users.verify("nobody", "p\u00e4ss:word")


def test_a_name_that_cannot_stand_in_the_file_is_refused(on_sqlite: Commands) -> None:
    """With what a name may be."""
    assert "is no name for a user" in on_sqlite.misused("user", "hash", "a:b")
