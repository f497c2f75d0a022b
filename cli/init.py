"""`invoices init`: a settings file from five questions, every other setting in it as a comment."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import click
from sqlalchemy.engine import make_url

from cli.front import Command, Front, pass_front
from config.load import WrongSettings, load

STANDARD_OUTPUT = Path("-")
Answers = Mapping[str, str | list[str]]  # by section.key
QUESTIONS = {  # and what is meant by no answer
    "data_dir": ("Folder where everything is kept", "/var/lib/invoices"),
    "smtp.accepted_domains": ("Domains that invoices are sent to (empty: every)", ""),
    "smtp.relays": ("Networks of the mail servers that send to us", "127.0.0.0/8"),
    "database.url": ("Database", "sqlite:///{data_dir}/invoices.db"),
    "registration.base_url": ("Address of the portal", "http://127.0.0.1:8080"),
}
LISTS = {"smtp.accepted_domains", "smtp.relays"}  # with commas between

_SETTING = re.compile(r"(\w+) = (.+?)\s+# (.+)")
_WIDTH = 44  # columns before a comment


@click.command(cls=Command)
@click.option(
    *("-o", "--output"),
    default=Path("invoices.toml"),
    show_default=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write, - for standard output.",
)
@click.option("--data-dir", metavar="FOLDER", help="Where everything is kept.")
@click.option(
    "--domain", "domains", multiple=True, help="A domain that invoices are sent to; may be repeated."
)
@click.option(
    "--relay", "relays", multiple=True, metavar="NETWORK", help="Whose mail is taken; may be repeated."
)
@click.option("--database-url", metavar="URL", help="Another database than SQLite in the data folder.")
@click.option("--base-url", metavar="URL", help="What the portal's address begins with, as companies see it.")
@click.option("--yes", is_flag=True, help="Ask nothing; what no option says stays as it is by default.")
@pass_front
def init(
    front: Front,
    output: Path,
    data_dir: str | None,
    domains: tuple[str, ...],
    relays: tuple[str, ...],
    database_url: str | None,
    base_url: str | None,
    yes: bool,
) -> None:
    """Write a settings file: five questions, each with a default, and every setting as a comment.

    Nothing is overwritten. An option answers its question beforehand.
    """
    if output != STANDARD_OUTPUT and output.exists():
        raise _is_there(output)
    given: dict[str, str | list[str] | None] = {
        "data_dir": data_dir,
        "smtp.accepted_domains": list(domains),
        "smtp.relays": list(relays),
        "database.url": database_url,
        "registration.base_url": base_url,
    }
    asked = {
        key: given[key] or _answer(key, default if yes else _ask(key))
        for key, (_, default) in QUESTIONS.items()
    }
    text = settings_file(asked)
    _expect_sound(text)
    if output == STANDARD_OUTPUT:
        click.echo(text, nl=False)
        return
    secret = make_url(str(asked["database.url"])).password is not None
    _write_new(output, text, 0o640 if secret else 0o644)
    front.say(f"{output} is written. Next: invoices check-config --config {output}", {"path": str(output)})


def settings_file(answers: Answers) -> str:
    """The defaults as comments, and what was answered otherwise as settings."""
    lines, section = ["# Settings of the invoice mailbox; what is behind # is the default.\n"], ""
    for line in files("config").joinpath("defaults.toml").read_text(encoding="utf-8").splitlines()[1:]:
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = f"{heading[1]}."
            lines.append(line)
        elif setting := _SETTING.fullmatch(line):
            key, default, comment = setting.groups()
            answer = answers.get(section + key)
            value = json.dumps(answer, ensure_ascii=False) if answer is not None else default
            said = f"{key} = {value}" if value != default else f"# {key} = {default}"
            lines.append(f"{said:<{_WIDTH}}# {comment}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _ask(key: str) -> str:
    """What somebody answers; a wrong answer is told at once, and the question is asked again."""
    question, default = QUESTIONS[key]

    def sound(said: str) -> str:
        try:
            _expect_sound(settings_file({key: _answer(key, said)}))
        except WrongSettings as error:
            raise click.BadParameter("; ".join(error.problems)) from None
        return said

    return str(click.prompt(question, default=default, err=True, value_proc=sound))


def _answer(key: str, said: str) -> str | list[str]:
    return [item.strip() for item in said.split(",") if item.strip()] if key in LISTS else said


def _expect_sound(text: str) -> None:
    """Raises WrongSettings naming what was answered wrongly; nothing is written then."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "answers")
        file.write_text(text, encoding="utf-8")
        try:
            load(file, {})
        except WrongSettings as error:
            raise WrongSettings([one.removeprefix(f"{file}: ") for one in error.problems]) from None


def _is_there(output: Path) -> FileExistsError:
    return FileExistsError(f"{output} is there already; name another file with -o")


def _write_new(output: Path, text: str, mode: int) -> None:
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise _is_there(output) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
