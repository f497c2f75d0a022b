"""What every command shares: its options, the settings, the store, and how results and errors are shown."""

from __future__ import annotations

import getpass
import importlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from config.load import WrongSettings, load
from config.log_setup import set_up_log
from config.octet_key import octet_key
from config.settings import Settings
from storage.blobs.sealing import MasterKey
from storage.errors import StorageUnavailable, StoreError
from storage.store import Store

EXIT_FAILED = 1
PIPED_WIDTH = 1000  # columns where standard output is no terminal: nothing is cut or folded
IDS = {"id", "mail_id"}
ROWS_OF_A_TABLE = 1000  # all of them are in memory, to see how wide its columns are
EXIT_WRONG_SETTINGS = 2


class Front:
    """One call of the program: reads settings and opens the store when they are first needed."""

    def __init__(self) -> None:
        self.config: Path | None = None
        self.json = False
        self.is_program = False  # True: runs by itself, watched through its log
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
            log = self._settings.log
            # A command says what it did; its log only adds what went wrong. Programs tell everything.
            if self.is_program:
                set_up_log(log, troubles_in=self._settings.data_dir)
            else:
                people = {"format": "console"} if sys.stderr.isatty() else {}
                set_up_log(log.model_copy(update={"level": "warning"} | people))
        return self._settings

    @property
    def store(self) -> Store:
        """The open store. Raises StorageUnavailable, SchemaMismatch."""
        if self._store is None:
            key = octet_key(self.settings)
            master = MasterKey(key, seals=self.settings.blobs.encrypt) if key is not None else None
            self._store = Store.open(self.settings.database.url.get_secret_value(), master)
        return self._store

    def close(self) -> None:
        """Closes what was opened."""
        if self._store is not None:
            self._store.close()

    def print_json(self, value: object) -> None:
        """One JSON value on a line of standard output."""
        click.echo(json.dumps(value, ensure_ascii=False))

    def show(self, values: Iterable[dict[str, Any]], columns: dict[str, str], *, nothing: str) -> None:
        """Many things: JSON a line each, or a table of `columns` (heading by key), one for every thousand."""
        if self.json:
            for row in values:
                self.print_json(row)
            return
        left, shown = iter(values), False
        while rows := list(islice(left, ROWS_OF_A_TABLE)):
            self._show_rows(rows, columns)
            shown = True
        if not shown:
            self.console.print(nothing)

    def _show_rows(self, rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
        """A table where it fits into the terminal; else what each is on one line, and its id below."""
        lines = [[cell(shown(row.get(key))) for key in columns] for row in rows]
        width = sum(max(map(len, column)) + 2 for column in zip(columns.values(), *lines, strict=True))
        if width > self.console.width and self.console.is_terminal and IDS & columns.keys():
            self._show_stacked(rows, columns)
            return
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in columns.values():
            table.add_column(heading, overflow="fold")
        for line in lines:
            table.add_row(*line)
        self.console.print(table, soft_wrap=not self.console.is_terminal)

    def _show_stacked(self, rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
        """For narrow terminals: what it is on one line, its id below."""
        for row in rows:
            cells = [cell(shown(row.get(key))) for key in columns if key not in IDS]
            self.console.print("  ".join(text for text in cells if text != "-"))
            for key in IDS & columns.keys():
                self.console.print(f"    [dim]{cell(row.get(key))}[/dim]")

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


def shown(value: object) -> object:
    """A value for a table: lists on one line, instants without the signs that only programs need."""
    if isinstance(value, list):
        return ", ".join(cell(item) for item in value) or None
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return value[:16].replace("T", " ")
    return value


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


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

pass_front = click.make_pass_decorator(Front, ensure=True)


def _what_to_do(error: Exception) -> str:
    """What follows an error of the store: a driver's "connection timeout expired" says nothing of it."""
    if not isinstance(error, StorageUnavailable):
        return ""
    notes = getattr(error, "__notes__", None)
    return "\n" + "\n".join(notes) if notes else "; `invoices check-config` tries it and says what to do"


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
        except BrokenPipeError:
            sys.stdout = None  # whoever read our output has seen enough
            context.exit(EXIT_FAILED)
        except (StoreError, OSError, ValueError, OverflowError) as error:
            click.echo(f"Error: {error}{_what_to_do(error)}", err=True)
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


class LazyGroup(Group):
    """A group whose commands are imported when they are first asked for."""

    def __init__(self, *arguments: Any, places: Mapping[str, str], **options: Any) -> None:
        """`places` names the module of each command."""
        super().__init__(*arguments, **options)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  -- the signature is click's
        """The names, sorted."""
        return sorted(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  -- the same
        """The command of a name."""
        if cmd_name not in self.commands and cmd_name in self._places:
            module = importlib.import_module(self._places[cmd_name])
            found = next(
                one
                for one in vars(module).values()
                if isinstance(one, click.Command) and one.name == cmd_name
            )
            self.add_command(found)
        return self.commands.get(cmd_name)

    def all_commands(self) -> dict[str, click.Command]:
        """Every command by its name, all of them imported."""
        context = click.Context(self)
        return {name: found for name in self._places if (found := self.get_command(context, name))}


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
