"""`invoices export`: a company's invoices to take along before they are deleted."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import click

from cli.export_record import KIND, VERSION, ExportedAccount, Label
from cli.front import Command, Front, Instant, actor, pass_front, utc_now
from cli.take_along import Packed, TakeAlong
from reading.sandbox import ReaderPool
from storage.records.companies import CompanyAccount
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Environment, Invoice

_AT_ONCE = 200  # events in one transaction


@click.command(cls=Command)
@click.option("--account", "account_", required=True, metavar="ACCOUNT", help="Its id, name or address.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.zip",
    help="The file to write; it must not be there.",
)
@click.option("--environment", type=click.Choice([str(one) for one in Environment]), help="Only these.")
@click.option("--since", type=Instant(), help="Only invoices received since then.")
@click.option(
    "--expiring",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="Only those that expire within so many days.",
)
@click.option("--language", type=click.Choice(["de", "en"]), default="en", help="Of the readable pages.")
@click.option("--acknowledge", is_flag=True, help="Note for the company's programs that it has them now.")
@pass_front
def export(
    front: Front,
    account_: str,
    output: Path,
    environment: str | None,
    since: datetime | None,
    expiring: int | None,
    language: str,
    acknowledge: bool,
) -> None:
    """Pack a company's invoices into a ZIP file: of each the original mail, its documents, a page to read, what was
    read from it, its history, and checksums of everything (`sha256sum -c SHA256SUMS`). `invoices import` takes it
    into another mailbox.

    The file is on the disk before it has its name; then that they were exported goes into their histories.
    """
    if output.exists():
        raise click.UsageError(f"{output} is there already; name another file")
    before = utc_now() + timedelta(days=expiring) if expiring is not None else None
    with front.store.reading() as records:
        account = records.accounts.find(account_)
        invoices = [
            invoice
            for invoice in records.invoices.select(
                account_id=account.id,
                environment=Environment(environment) if environment else None,
                since=since,
            )
            if invoice.reading is not None and (before is None or invoice.expires_at <= before)
        ]
    packed, taken = _packed(front, account, invoices, output, language)
    _put_on_record(front, account.id, taken, acknowledge=acknowledge)
    front.say(
        f"{packed.invoices} invoices, {packed.files} files and {packed.octets} octets are in {output}.",
        {"path": str(output), "acknowledged": acknowledge} | asdict(packed),
    )


def _packed(
    front: Front, account: CompanyAccount, invoices: Sequence[Invoice], output: Path, language: str
) -> tuple[Packed, list[Invoice]]:
    with tempfile.NamedTemporaryFile(
        dir=output.absolute().parent, suffix=".unfinished", delete=False
    ) as unfinished:
        path = Path(unfinished.name)
        try:
            with ReaderPool(1) as readers, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
                writer = TakeAlong(archive, front.store, readers, language)
                taken = [invoice for invoice in invoices if writer.add(invoice)]
                packed = writer.finish(partial(_label, front, account))
            unfinished.flush()
            os.fsync(unfinished.fileno())
            path.rename(output)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return packed, taken


def _label(front: Front, account: CompanyAccount, invoices: int) -> Label:
    return Label(
        kind=KIND,
        version=VERSION,
        made_at=utc_now(),
        mailbox=front.settings.registration.base_url,
        account=ExportedAccount(id=account.id, name=account.name, addresses=account.addresses),
        invoices=invoices,
    )


def _put_on_record(front: Front, account_id: str, invoices: Sequence[Invoice], *, acknowledge: bool) -> None:
    now = utc_now()
    for start in range(0, len(invoices), _AT_ONCE):
        some = invoices[start : start + _AT_ONCE]
        with front.store.transaction() as records:
            records.history.add(
                [
                    HistoryEvent(
                        at=now,
                        event=HistoryEventName.EXPORTED,
                        actor=actor(),
                        detail={},
                        mail_id=invoice.mail_id,
                        invoice_id=invoice.id,
                    )
                    for invoice in some
                ]
            )
            if acknowledge:
                inbox = records.inbox(account_id)
                for invoice in some:
                    inbox.acknowledge(invoice.id, now)
