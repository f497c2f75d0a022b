"""`invoices serve` and `invoices migrate`: running the mailbox."""

from __future__ import annotations

from contextlib import AbstractContextManager

import click

from cli.front import Command, Front, pass_front
from config.settings import Settings
from ingest import daemon
from storage.store import Store


def _portal(settings: Settings, store: Store) -> AbstractContextManager[None]:
    from portal import serving  # noqa: PLC0415  -- half a second that no other command has to wait

    return serving.portal(settings, store)


BESIDE = {"portal": _portal}
PARTS = ("smtp", "worker", *BESIDE)
LATER = ("outbound",)


@click.command(cls=Command)
@click.argument("parts", nargs=-1, metavar="[smtp] [worker] [portal]")
@pass_front
def serve(front: Front, parts: tuple[str, ...]) -> None:
    """Take mail over SMTP, file it and show it, until stopped; all parts run when none is named.

    smtp takes mail in and answers 250 once it is on stable storage; worker reads and files what was taken; portal
    serves the pages for the companies. Several processes may run different parts on one database. SIGTERM ends the
    program once mails being sent have arrived.
    """
    for part in parts:
        if part in LATER:
            raise click.UsageError(f'"{part}" is not in this version yet; it runs {", ".join(PARTS)}')
        if part not in PARTS:
            raise click.UsageError(f'there is no part "{part}"; the parts are {", ".join(PARTS)}')
    front.is_program = True
    try:
        daemon.serve(front.settings, parts or PARTS, BESIDE)
    except daemon.WorkerDied as error:
        raise click.ClickException(str(error)) from error


@click.command(cls=Command)
@pass_front
def migrate(front: Front) -> None:
    """Bring the database's schema to the newest version; safe to repeat, and with several at once."""
    before, after = Store.migrate(front.settings.database.url.get_secret_value())
    sentence = (
        f"The schema is at {after} already." if before == after else f"Schema: {before or 'none'} -> {after}."
    )
    front.say(sentence, {"before": before, "after": after})
