"""`invoices import`: a company's invoices out of an export of another mailbox, or of this one before it was damaged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from cli import forms
from cli.bringing_in import BringingIn, Brought
from cli.export_file import ExportFile
from cli.export_record import ExportedAccount, ExportedInvoice, NotAnExport
from cli.front import EXIT_FAILED, Command, Front, actor, cell, pass_front, utc_now
from cli.import_fates import Fate
from reading.sandbox import ReaderPool
from storage.errors import NotFound
from storage.records.companies import CompanyAccount

_Row = dict[str, Any]


@click.command("import", cls=Command)
@click.argument("file", metavar="FILE.zip", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--account",
    "account_",
    metavar="ACCOUNT",
    help="Where they go, by id, name or address; else to the one with the same id.",
)
@click.option(
    "--dry-run", is_flag=True, help="Prove and read everything, say what would come, and write nothing."
)
@pass_front
def import_(front: Front, file: Path, account_: str | None, dry_run: bool) -> None:
    """Bring a company's invoices in, out of a file of `invoices export`: with their mails, their histories and the
    expiry that was decided when they came in.

    Every checksum is proven before anything is written. Each mail comes whole or not at all, so it may be interrupted
    and given again. What is here already is left alone; what has expired or was deleted here does not come back.
    Nobody is told by mail, and no program is called. Exit status 1 when an invoice was refused.
    """
    fates: Counter[Fate] = Counter()
    with ExportFile(file) as export, ReaderPool(1) as readers:
        with Console(stderr=True).status("Proving the checksums"):
            export.prove()
        account = _account(front, account_, export.label.account)
        into = BringingIn(
            front.store,
            account,
            export.label,
            readers,
            now=utc_now(),
            actor=actor(),
            most_octets=front.settings.smtp.max_message_bytes,
        )
        for row, fate in _brought(export, into, dry_run=dry_run):
            fates[fate] += 1
            _print(front, row)
    if not front.json:
        front.console.print(_summary(fates, account, dry_run=dry_run), soft_wrap=True, markup=False)
    if fates[Fate.REFUSED]:
        click.get_current_context().exit(EXIT_FAILED)


def _brought(export: ExportFile, into: BringingIn, *, dry_run: bool) -> Iterator[tuple[_Row, Fate]]:
    """A row for each invoice, mail after mail in the order in which they were filed.

    Ids are in that order, so that of two alike invoices the same one is the duplicate again.
    """
    of_mails: dict[str, dict[str, str]] = defaultdict(dict)
    for folder in export.folders():
        try:
            record = export.record(folder)
            of_mails[record.mail.id][record.id] = folder
        except NotAnExport as error:
            yield _row(folder, Fate.REFUSED, str(error)), Fate.REFUSED
    for of_mail in sorted(of_mails.values(), key=min):
        folders = [of_mail[invoice_id] for invoice_id in sorted(of_mail)]
        records = [export.record(folder) for folder in folders]

        def original(folder: str = folders[0]) -> bytes:
            return export.original(folder)

        for folder, one in zip(folders, into.bring(records, original, dry_run=dry_run), strict=True):
            yield _row(folder, one.fate, one.reason, one, dry_run=dry_run), one.fate


def _account(front: Front, named: str | None, exported: ExportedAccount) -> CompanyAccount:
    with front.store.reading() as records:
        if named is not None:
            return records.accounts.find(named)
        found = records.accounts.by_ids([exported.id]).get(exported.id)
    if found is None:
        raise NotFound(
            f'the account of "{exported.name}" is not here: name one with --account, '
            "or make it with `invoices account add`"
        )
    return found


def _row(
    folder: str, fate: Fate, reason: str | None, one: Brought | None = None, *, dry_run: bool = False
) -> _Row:
    invoice: ExportedInvoice | None = one.invoice if one else None
    return {
        "invoice_id": invoice.id if invoice else None,
        "mail_id": invoice.mail.id if invoice else None,
        "folder": folder,
        "invoice_number": invoice.reading.terms.invoice_number if invoice else None,
        "environment": invoice.environment if invoice else None,
        "received_at": forms.instant(invoice.mail.envelope.received_at) if invoice else None,
        "expires_at": forms.instant(invoice.expires_at) if invoice else None,
        "outcome": fate,
        "reason": reason,
        "differences": [asdict(change) for change in one.differences] if one else [],
        "dry_run": dry_run,
    }


def _print(front: Front, row: _Row) -> None:
    if front.json:
        front.print_json(row)
        return
    received, until = _day(row["received_at"]), _day(row["expires_at"])
    outcome = "would be imported" if row["dry_run"] and row["outcome"] == Fate.IMPORTED else row["outcome"]
    reason = f": {cell(row['reason'])}" if row["reason"] else ""
    name = cell(row["invoice_number"] or row["folder"])
    front.console.print(
        f"[bold]{name}[/bold]  of {received}, until {until}: {outcome}{reason}", soft_wrap=True
    )
    for change in row["differences"]:
        told = f"    {cell(change['what'])}: {cell(change['before'])} -> {cell(change['after'])}"
        front.console.print(told, soft_wrap=True)


def _day(instant: str | None) -> str:
    return instant[:10] if instant else "-"


def _summary(fates: Counter[Fate], account: CompanyAccount, *, dry_run: bool) -> str:
    if not fates:
        return "There is no invoice in the file."
    counted = ", ".join(f"{fates[fate]} {fate}" for fate in Fate if fates[fate])
    if dry_run:
        return f'It would be, for "{account.name}": {counted}. Nothing was written.'
    return f'For "{account.name}": {counted}.'
