"""`invoices serve` and `invoices migrate`: running the mailbox."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager

import click

from cli.forms import invoice_forms
from cli.front import Command, Front, pass_front
from config.load import WrongSettings, load
from config.settings import Settings
from ingest import daemon, mail_log
from ingest.reception import usable_files
from storage.errors import StoreError
from storage.store import Store


def _portal(settings: Settings, store: Store) -> AbstractContextManager[None]:
    from ingest.processing.authentication import lookups  # noqa: PLC0415  -- the same
    from portal import serving  # noqa: PLC0415  -- half a second that no other command has to wait

    def texts_at(name: str) -> list[bytes]:
        try:
            return lookups.texts_at(name, settings.authentication.resolvers)
        except lookups.LookupTrouble as error:
            raise ConnectionError(f"{name} cannot be looked up: {error}") from error

    return serving.portal(settings, store, invoice_forms, texts_at)


def _outbound(settings: Settings, store: Store) -> AbstractContextManager[None]:
    from outbound import running  # noqa: PLC0415  -- the same

    return running.outbound(settings, store, invoice_forms)


BESIDE = {"portal": _portal, "outbound": _outbound}
PARTS = ("smtp", "worker", *BESIDE)


@click.command(cls=Command)
@click.argument("parts", nargs=-1, metavar="[smtp] [worker] [portal] [outbound]")
@pass_front
def serve(front: Front, parts: tuple[str, ...]) -> None:
    """Take mail over SMTP, file it, show it and tell of it, until stopped; all parts run when none is named.

    smtp takes mail in and answers 250 once it is on stable storage; worker reads and files what was taken; portal
    serves the pages for the companies; outbound sends mails to them through outbound.smarthost,
    and calls their webhooks. Several processes may
    run different parts on one database. SIGTERM ends the program once mails being sent have arrived; SIGHUP then
    starts it anew with the settings as they are now.
    """
    for part in parts:
        if part not in PARTS:
            raise click.UsageError(f'there is no part "{part}"; the parts are {", ".join(PARTS)}')
    front.is_program = True
    try:
        again = daemon.serve(
            front.settings, parts or PARTS, BESIDE, lambda: _wrong_settings(front, parts or PARTS)
        )
    except daemon.WorkerDied as error:
        raise click.ClickException(str(error)) from error
    except (StoreError, OSError, ValueError) as error:
        if not isinstance(error, WrongSettings):  # these may say that there is no log yet
            mail_log.start_failed(error)
        raise
    if again:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the new program listens to it
        # The same process, so that systemd and the sockets it handed over stay with it.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  -- what we were started with


def _wrong_settings(front: Front, parts: Sequence[str]) -> list[str]:
    """Also a certificate or a file of users that could not be used: a program that is started anew would end by it."""
    try:
        settings = load(front.config)
        if "smtp" in parts:  # the others may not even be let to read them
            usable_files(settings)
    except WrongSettings as error:
        return error.problems
    except (OSError, ValueError) as error:
        return [str(error)]
    return []


@click.command(cls=Command)
@pass_front
def migrate(front: Front) -> None:
    """Bring the database's schema to the newest version; safe to repeat, and with several at once."""
    before, after = Store.migrate(front.settings.database.url.get_secret_value())
    sentence = (
        f"The schema is at {after} already." if before == after else f"Schema: {before or 'none'} -> {after}."
    )
    front.say(sentence, {"before": before, "after": after})
