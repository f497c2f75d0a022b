"""`invoices user`: lines for the file of those who may authenticate over SMTP."""

from __future__ import annotations

import sys

import click

from cli.front import Front, Group, pass_front
from ingest.receiving.users import password_line


@click.group(cls=Group)
def user() -> None:
    """Users of SMTP authentication (smtp.users)."""


@user.command("hash")
@click.argument("name")
@pass_front
def hash_password(front: Front, name: str) -> None:
    """Print the line for NAME in the users file.

    The password is asked for on a terminal; otherwise it is the first line of standard input. It is not kept: only
    its Argon2 hash is in the line.
    """
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        line = password_line(name, password)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    front.say(line, {"line": line})
