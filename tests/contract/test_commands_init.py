"""`invoices init` from outside: five answers become a settings file that works."""

from __future__ import annotations

import tomllib
from pathlib import Path

from click.testing import CliRunner

from cli.init import settings_file
from cli.main import main
from config.load import load
from tests.commands import Commands

ANSWERS = (
    "/srv/invoices\ninvoices.example.com, rechnung.example.com\n192.0.2.0/24\n\nhttps://mailbox.example.com\n"
)


def test_five_answers_make_a_settings_file(tmp_path: Path) -> None:
    """What was answered is set, everything else is there as a comment."""
    file = tmp_path / "invoices.toml"

    done = CliRunner().invoke(main, ["init", "-o", str(file)], input=ANSWERS)

    settings = load(file, {})
    assert done.exit_code == 0, done.output
    assert f"invoices check-config --config {file}" in done.output
    assert settings.data_dir == Path("/srv/invoices")
    assert settings.smtp.accepted_domains == ("invoices.example.com", "rechnung.example.com")
    assert settings.smtp.relays == ("192.0.2.0/24",)
    assert settings.registration.base_url == "https://mailbox.example.com"
    assert settings.database.url.get_secret_value() == "sqlite:////srv/invoices/invoices.db"
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_wrong_answer_is_asked_again_at_once(tmp_path: Path) -> None:
    """Whoever mistypes the second answer need not give the others twice."""
    file = tmp_path / "invoices.toml"
    answers = "/srv/x\nnot a domain!\na.example\n\nmysql://db/x\n\n\n"

    done = CliRunner().invoke(main, ["init", "-o", str(file)], input=answers)

    assert done.exit_code == 0, done.output
    assert "Error: smtp.accepted_domains.0: expected a domain" in done.output
    assert 'Error: database.url: expected "sqlite:///FILE" or' in done.output
    assert load(file, {}).smtp.accepted_domains == ("a.example",)


def test_a_script_may_answer_by_options(on_sqlite: Commands, tmp_path: Path) -> None:
    """Nothing is asked then."""
    file = tmp_path / "invoices.toml"

    on_sqlite.one("init", "--yes", "--data-dir", "/srv/x", "--domain", "a.example", "-o", str(file))

    written = tomllib.loads(file.read_text())
    assert written["data_dir"] == "/srv/x"
    assert written["smtp"] == {"accepted_domains": ["a.example"]}
    assert {section for section, keys in written.items() if keys} == {"data_dir", "smtp"}


def test_a_password_is_not_for_everybody(on_sqlite: Commands, tmp_path: Path) -> None:
    """The address of a database may hold one."""
    file, url = tmp_path / "invoices.toml", "postgresql+psycopg://u:geheim@db/invoices"

    on_sqlite.one("init", "--yes", "--database-url", url, "-o", str(file))

    assert file.stat().st_mode & 0o777 == 0o640


def test_nothing_is_overwritten_and_nothing_wrong_is_written(on_sqlite: Commands, tmp_path: Path) -> None:
    """A second call leaves the first one's file; a slip is named as in any settings file."""
    file = tmp_path / "invoices.toml"
    file.write_text("# mine\n")

    over = on_sqlite.refused("init", "--yes", "-o", str(file))
    wrong = on_sqlite.misused("init", "--yes", "--relay", "everybody", "-o", str(tmp_path / "other"))

    assert f"{file} is there already" in over
    assert file.read_text() == "# mine\n"
    assert "\n  smtp.relays.0: expected an IP address or network" in wrong
    assert not (tmp_path / "other").exists()


def test_every_setting_is_in_the_file() -> None:
    """Whoever looks for one finds it with its default and what it does."""
    defaults = Path("config/defaults.toml").read_text(encoding="utf-8").splitlines()

    written = settings_file({}).splitlines()

    settings = [_key(line) for line in defaults if " = " in line and not line.startswith("#")]
    assert [
        _key(line.removeprefix("# ")) for line in written if line.startswith("# ") and " = " in line
    ] == settings


def _key(line: str) -> str:
    return line.partition(" = ")[0]
