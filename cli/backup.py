"""`invoices backup` and `invoices restore`: everything on record, copied while it is in use, and put back."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from cli.forms import instant
from cli.front import Command, Front, pass_front, utc_now
from config.link_key import link_key
from config.settings import Settings
from ingest.filing_settings import retention_periods
from retention import worker
from storage.backup.archive import BackupReader, new_backup
from storage.backup.manifest import Manifest
from storage.store import Store

STANDARD_OUTPUT = Path("-")


@click.command(cls=Command)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Where to: a new folder, a new file that ends in .tar, or - for tar on standard output.",
)
@click.option(
    "--link-key",
    "key_copy",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Also copy the key of the registration links to FILE; keep it apart from the backup.",
)
@click.option(
    "--octets",
    is_flag=True,
    help="Also copy the octets that lie where blobs.url says, as they lie there.",
)
@pass_front
def backup(front: Front, output: Path, key_copy: Path | None, octets: bool) -> None:
    """Copy everything on record as it is now, while mail is taken and filed.

    The settings are not in it, nor is the key of the registration links: a backup that is stolen opens no link. It does
    hold every mail, so keep it where only you can read it, and no longer than the mails themselves may be kept.
    """
    if key_copy is not None:
        _copy_key(front.settings, key_copy)
    to_stream = output == STANDARD_OUTPUT
    with new_backup(None if to_stream else output) as writer:
        manifest = front.store.back_up(writer, now=utc_now(), elsewhere=octets)
    if not to_stream:
        front.say(f"{output}: {_told(manifest)}", {"path": str(output), **_form(manifest)})


@click.command(cls=Command)
@click.argument("path", metavar="PATH", type=click.Path(exists=True, path_type=Path))
@click.option("--check", is_flag=True, help="Only read the backup and compare every digest; write nothing.")
@click.option(
    "--link-key",
    "key_copy",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Also put back the key of the registration links that `backup --link-key` copied.",
)
@pass_front
def restore(front: Front, path: Path, check: bool, key_copy: Path | None) -> None:
    """Make the database that the settings name of a backup; it must not be there yet, and nothing may serve it.

    Every file is held against its digest first. Octets that a backup with --octets took along are put back where they
    lay; what is there already stays as it is. What retention deleted after the backup was made is there again; what
    of it has expired goes with the next `invoices retention run`.
    """
    with closing(BackupReader(path)) as reader:
        reader.check()
        manifest = reader.manifest
        if check:
            front.say(f"{path} is whole: {_told(manifest)}", {"path": str(path), **_form(manifest)})
            return
        Store.restore(front.settings.database.url.get_secret_value(), reader)
    if key_copy is not None:
        _put_key_back(front.settings, key_copy)
    due = worker.would_go(front.store, retention_periods(front.settings), utc_now())
    expired = {"invoices": due.productive + due.test, "mails": due.mails}
    front.say(
        f"Restored: {_told(manifest)}\n"
        f"{expired['invoices']} invoices and {expired['mails']} mails in it have expired since. They are deleted by "
        "`invoices retention run`; give it before you let anybody in.\n"
        "Mail that was answered 250 after the backup was made is not in it: your mail server may still have it.",
        {"path": str(path), **_form(manifest), "retention_due": expired},
    )


def _form(manifest: Manifest) -> dict[str, Any]:
    rows = {table.name: table.rows for table in manifest.contents.tables}
    return {
        "made_at": instant(manifest.made_at),
        "engine": manifest.contents.engine,
        "schema": manifest.contents.schema,
        "mails": rows["received_mail"],
        "invoices": rows["invoice"],
        "octets": sum(file.size for file in manifest.files),
        "mails_elsewhere": rows.get("mail_blob", 0),
        "elsewhere_taken": manifest.contents.elsewhere,
    }


def _told(manifest: Manifest) -> str:
    form = _form(manifest)
    apart = ""
    if form["elsewhere_taken"]:
        apart = f" It holds the octets of {form['elsewhere_taken']} mails that lie where blobs.url says."
    elif form["mails_elsewhere"]:
        apart = (
            f" The octets of {form['mails_elsewhere']} mails lie where blobs.url says and are not in it: "
            "back that up, too, or give --octets."
        )
    return (
        f"{form['mails']} mails and {form['invoices']} invoices as of {form['made_at']}, "
        f"schema {form['schema']} of {form['engine']}, {form['octets']:,} octets.{apart}"
    )


def _copy_key(settings: Settings, to: Path) -> None:
    if settings.registration.link_key.get_secret_value():
        raise ValueError(
            "registration.link_key is set, so there is no key file to copy: keep the setting instead"
        )
    link_key(settings)  # a damaged one is told before it is copied
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as copy, (settings.data_dir / "link.key").open("rb") as key:
        shutil.copyfileobj(key, copy)


def _put_key_back(settings: Settings, copied: Path) -> None:
    to = settings.data_dir / "link.key"
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as key:
        key.write(copied.read_bytes())
    link_key(settings)
