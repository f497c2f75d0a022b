"""What every command shares: its options, the settings, the store, and how results and errors are shown."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from config.load import WrongSettings, load
from config.log_setup import set_up_log
from config.settings import Settings
from storage.errors import StoreError
from storage.store import Store

EXIT_FAILED = 1
PIPED_WIDTH = 240  # columns where standard output is no terminal
UNBROKEN = {"id", "mail_id", "url", "expires_at", "at", "received_at"}  # what people copy stays on one line
EXIT_WRONG_SETTINGS = 2


class Front:
    """One call of the program: reads settings and opens the store when they are first needed."""

    def __init__(self) -> None:
        self.config: Path | None = None
        self.json = False
        self._settings: Settings | None = None
        self._store: Store | None = None
        self.console = Console(highlight=False)
        if not self.console.is_terminal:
            self.console = Console(highlight=False, width=PIPED_WIDTH)

    @property
    def settings(self) -> Settings:
        """The settings. Raises WrongSettings."""
        if self._settings is None:
            self._settings = load(self.config)
            set_up_log(self._settings.log)
        return self._settings

    @property
    def store(self) -> Store:
        """The open store. Raises StorageUnavailable, SchemaMismatch."""
        if self._store is None:
            self._store = Store.open(self.settings.database.url.get_secret_value())
        return self._store

    def close(self) -> None:
        """Closes what was opened."""
        if self._store is not None:
            self._store.close()

    def print_json(self, value: object) -> None:
        """One JSON value on a line of standard output."""
        click.echo(json.dumps(value, ensure_ascii=False))

    def show(self, values: Iterable[dict[str, Any]], columns: dict[str, str], *, nothing: str) -> None:
        """Many things: JSON a line each, or a table of `columns` (heading by key)."""
        rows = list(values)
        if self.json:
            for row in rows:
                self.print_json(row)
        elif not rows:
            self.console.print(nothing)
        else:
            table = Table(box=None, header_style="bold", pad_edge=False)
            for key, heading in columns.items():
                table.add_column(heading, overflow="fold", no_wrap=key in UNBROKEN)
            for row in rows:
                table.add_row(*(cell(row.get(key)) for key in columns))
            self.console.print(table)

    def show_one(self, value: dict[str, Any], *, leave_out: Iterable[str] = ()) -> None:
        """One thing: JSON, or a line for each field."""
        if self.json:
            self.print_json(value)
            return
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for key, field in value.items():
            if key not in leave_out:
                table.add_row(key.replace("_", " "), cell(field))
        self.console.print(table)

    def say(self, sentence: str, value: dict[str, Any]) -> None:
        """What a command did: a sentence for people, or its JSON."""
        if self.json:
            self.print_json(value)
        else:
            self.console.print(sentence, soft_wrap=True, markup=False)


def cell(value: object) -> str:
    """A value as people read it, safe for a terminal whatever a mail put into it."""
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(cell(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {cell(item)}" for key, item in value.items() if item not in (None, [], {}))
    text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in str(value))
    return text.replace("[", r"\[")


pass_front = click.make_pass_decorator(Front, ensure=True)


class Command(click.Command):
    """A command that takes --config and --json, before its own arguments or after."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params += _common_options()

    def invoke(self, context: click.Context) -> Any:
        """Runs the command; an expected error becomes one sentence and an exit status."""
        front = context.ensure_object(Front)
        try:
            return super().invoke(context)
        except WrongSettings as error:
            click.echo("The settings cannot be used:", err=True)
            for problem in error.problems:
                click.echo(f"  {problem}", err=True)
            context.exit(EXIT_WRONG_SETTINGS)
        except (StoreError, OSError, ValueError) as error:
            click.echo(f"Error: {error}", err=True)
            context.exit(EXIT_FAILED)
        finally:
            front.close()


class Group(click.Group):
    """A group of commands that takes the same options."""

    command_class = Command

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params += _common_options()


Group.group_class = Group


def _common_options() -> list[click.Option]:
    return [
        click.Option(
            ["--config"],
            type=click.Path(dir_okay=False, path_type=Path),
            expose_value=False,
            callback=_set_config,
            help="Settings file; else INVOICES_CONFIG, else the built-in defaults.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=_set_json,
            help="Print JSON, one object a line, and nothing else.",
        ),
    ]


def _set_config(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Front).config = value


def _set_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Front).json = True


class Instant(click.ParamType[datetime]):
    """A date or an instant, ISO 8601; without a time zone it is UTC."""

    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant; a usage error when there is none."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f'"{value}" is no date such as 2026-11-24 or 2026-11-24T09:00:00Z', param, ctx)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def actor() -> str:
    """Who gives the command, for the history."""
    try:
        return f"operator {getpass.getuser()}"
    except (KeyError, OSError):
        return "operator"


def utc_now() -> datetime:
    """The clock of the commands."""
    return datetime.now(UTC)  # noqa: TID251  -- the wiring reads the clock
