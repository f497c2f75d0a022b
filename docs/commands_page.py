"""Prints docs/commands.md: every command with its arguments and options, from the code alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from cli.main import main

HEAD = """# Commands

Every command there is. This page is made from the code, by `python docs/commands_page.py > docs/commands.md`;
each of them says the same with `--help`.

Every command takes `--config FILE` (else `INVOICES_CONFIG`, else the built-in defaults) and `--json`, which prints one
object a line and nothing else on standard output. Exit status 0 is done, 1 failed, 2 wrong usage or wrong settings.
"""
_OF_ALL = {"--config", "--json", "--help"}


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command by its words, those of a group together."""
    for name in sorted(group.commands):
        command = group.commands[name]
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def page() -> str:
    """The whole page."""
    main.all_commands()
    lines = [HEAD]
    for path, command in commands(main):
        lines += [f"## {' '.join(path)}\n", f"    invoices {' '.join(path)}{_arguments(command)}\n"]
        lines += [_help(command), ""]
        if options := _options(command):
            lines += ["| option | |", "|---|---|", *options, ""]
    return "\n".join(lines).rstrip() + "\n"


def _arguments(command: click.Command) -> str:
    """The arguments as --help writes them; what has to be given with an option, too."""
    context = click.Context(command)
    words = [one.make_metavar(context) for one in command.params if isinstance(one, click.Argument)]
    needed = [
        f"{one.opts[-1]} {one.make_metavar(context)}"
        for one in command.params
        if isinstance(one, click.Option) and one.required
    ]
    return "".join(f" {word}" for word in [*words, *needed])


def _help(command: click.Command) -> str:
    """The help, a paragraph a line; what is laid out stays so."""
    paragraphs = (command.help or "").replace("\r", "").split("\n\n")
    return "\n\n".join(
        "\n".join(f"    {line.strip()}" for line in one.splitlines()[1:])
        if one.startswith("\b")
        else " ".join(one.split())
        for one in paragraphs
    )


def _options(command: click.Command) -> list[str]:
    context = click.Context(command)
    rows = []
    for one in command.params:
        if not isinstance(one, click.Option) or _OF_ALL & set(one.opts):
            continue
        names = ", ".join(f"`{name}`" for name in [*one.opts, *one.secondary_opts])
        value = "" if one.is_flag else f" {one.make_metavar(context)}".replace("|", r"\|")
        often = "; may be given more than once" if one.multiple else ""
        rows.append(f"| {names}{value} | {(one.help or '').rstrip('.')}{often} |")
    return rows


if __name__ == "__main__":
    sys.stdout.write(page())
