"""`invoices move`: brings octets to another place, or everything to another database, while mail comes in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli import move_database
from cli.front import EXIT_FAILED, Command, Front, pass_front
from ingest.processing.loading import groups
from storage.blobs.place import BlobPlace, open_place
from storage.errors import NotFound

AT_ONCE = 200


@click.command(cls=Command)
@click.option(
    "--to", metavar="URL", help="database:, file:///FOLDER or s3://BUCKET/PREFIX; else what blobs.url says."
)
@click.option(
    "--database", metavar="URL", help="Move everything from SQLite to this PostgreSQL database instead."
)
@click.option("--finish", is_flag=True, help="With --database: close the SQLite database and open the other.")
@click.option("--abandon", is_flag=True, help="Give a move to another database up that was not finished.")
@pass_front
def move(front: Front, to: str | None, database: str | None, finish: bool, abandon: bool) -> None:
    """Bring the octets of all filed mails to where blobs.url says, or to another place; or everything to PostgreSQL.

    Each mail is read, its digest compared, written there, and only then let go of where it was. Safe to interrupt
    and to repeat; mail comes in meanwhile. Set blobs.url before, or a running worker brings them back.

    With --database everything on record is copied and compared, as often as you like, while the mailbox goes on. With
    --finish, too, what is left follows, and from then on only the other database takes mail: set database.url to it
    and start every part anew. Until then senders are told 451 and keep their mail.
    """
    if (to and (database or abandon)) or (database and abandon) or (finish and not database):
        raise click.UsageError("--to, --database (perhaps with --finish) and --abandon are different moves")
    if abandon:
        move_database.give_up(front)
        return
    if database:
        move_database.move(front, database, finish=finish)
        return
    try:
        place = open_place(to or front.settings.blobs.url)
    except ValueError as error:
        raise click.UsageError(f"--to: {error}") from error
    moved, octets, lost = _move_all(front, place)
    front.store.octets.free()
    where = place.url if place else "the database"
    sentence = f"Moved {moved} mails, {octets} octets, to {where}."
    if lost:
        sentence += f" {len(lost)} are lost: {', '.join(lost)}"
    front.say(
        sentence,
        {"moved": moved, "octets": octets, "to": place.url if place else "database:", "lost": lost},
    )
    if lost:
        click.get_current_context().exit(EXIT_FAILED)


def _move_all(front: Front, place: BlobPlace | None) -> tuple[int, int, list[str]]:
    front.store.octets.free()
    moved, octets = 0, 0
    lost: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=front.console, disable=front.json or not front.console.is_terminal
    ) as progress:
        bar = progress.add_task("Moving", total=None)
        while True:
            waiting = front.store.octets.elsewhere(place, AT_ONCE + len(lost))
            before = moved
            for group in groups(front.store, [mail_id for mail_id in waiting if mail_id not in lost]):
                for size in _moved(front, group, place, lost):
                    moved, octets = moved + 1, octets + size
                    progress.update(bar, completed=moved)
            if moved == before:
                return moved, octets, lost


def _moved(front: Front, group: Sequence[str], place: BlobPlace | None, lost: list[str]) -> Iterator[int]:
    """How many octets each mail had that was moved: away from the database together, else one by one."""
    together = front.store.octets.move_together(group, place) if place is not None else {}
    yield from together.values()
    for mail_id in group:
        if mail_id not in together:
            try:
                size = front.store.octets.move(mail_id, place)
            except NotFound as error:
                lost.append(mail_id)
                click.echo(str(error), err=True)
                continue
            if size is not None:
                yield size
