"""`invoices move --database`: everything from SQLite to PostgreSQL, while mail comes in."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from cli.front import EXIT_FAILED, Front
from storage.moving.move import Followed, Moving
from storage.store import Store

SCHEME = "postgresql+psycopg://"
NEXT = "Now set database.url to it and start every part anew; until then senders are told 451 and keep their mail."


def move(front: Front, database: str, *, finish: bool) -> None:
    """Copies and compares, follows, and closes the old database when told to."""
    shown = _shown(database)
    with Store.moving(_source(front), database) as moving:
        if moving is None:
            front.say(
                f"Everything is in {shown} already, and it is open now. {NEXT}",
                {"to": shown, "finished": True},
            )
            return
        _copy(front, moving)
        followed = moving.follow()
        closed = moving.finish() if finish else None
    _say(front, shown, moving, followed, closed)
    if followed.lost:
        click.get_current_context().exit(EXIT_FAILED)


def give_up(front: Front) -> None:
    """SQLite notes no changes any more; the half-filled database is the operator's to drop."""
    done = Store.abandon_move(_source(front))
    front.say(
        "The move is given up. Drop the database that it filled." if done else "No move was under way.",
        {"abandoned": done},
    )


def _source(front: Front) -> str:
    return front.settings.database.url.get_secret_value()


def _shown(database: str) -> str:
    """The URL without its password."""
    try:
        if database.startswith(SCHEME):
            return make_url(database).render_as_string(hide_password=True)
    except ArgumentError:
        pass
    raise click.UsageError(f"--database: expected {SCHEME}USER@HOST/NAME")


def _copy(front: Front, moving: Moving) -> None:
    columns = (TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=front.console, disable=front.json or not front.console.is_terminal
    ) as progress:
        bar = progress.add_task("Moving", total=None)
        for step in moving.copy():
            done = f"{moving.moved.rows:,} rows, {moving.moved.octets:,} octets of mails"
            progress.update(bar, description=f"{done}; {step.doing} {step.table}")


def _say(front: Front, shown: str, moving: Moving, followed: Followed, closed: float | None) -> None:
    mails, invoices = followed.counts["received_mail"], followed.counts["invoice"]
    rows = sum(followed.counts.values())
    same = f"{mails} mails, {invoices} invoices and {rows} rows in all are the same in {shown}."
    if closed is None:
        then = "It follows with each call; `--finish` closes the old database and opens this one."
    else:
        then = f"Nobody could write for {closed:.2f} s; the old database is closed for good. {NEXT}"
    lost = (
        f" The octets of {len(followed.lost)} mails are not where they should be: {', '.join(followed.lost)}."
    )
    front.say(
        f"{same} {then}" + (lost if followed.lost else ""),
        {
            "to": shown,
            "finished": closed is not None,
            "closed_for_seconds": None if closed is None else round(closed, 3),
            "copied": asdict(moving.moved),
            "counts": followed.counts,
            "lost": followed.lost,
        },
    )
