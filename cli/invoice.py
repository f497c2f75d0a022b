"""`invoices list|show|history|explain|download`: the invoices on record."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cli import forms
from cli.explanation import Explanation
from cli.front import Command, Front, Instant, actor, pass_front, utc_now
from cli.portions import ids_since, in_portions
from reading.sandbox import ReaderPool
from storage.errors import NotFound
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Environment, Invoice
from storage.records.people import Language
from storage.records.validation import ValidationStatus
from storage.transaction import Transaction

COLUMNS = {
    "received_at": "Received",
    "account": "Account",
    "seller": "Seller",
    "invoice_number": "Number",
    "issue_date": "Date",
    "total": "Total",
    "environment": "Environment",
    "state": "State",
    "worth": "Worth",
    "id": "Id",
}
_OUTPUT_HELP = (
    'File or folder to write to, "-" for standard output; by default a file here, named like the document.'
)
LONGEST_NAME_OCTETS = 255
LONGEST_ENDING_OCTETS = 20
HISTORY_COLUMNS = {"at": "At", "event": "Event", "actor": "Actor", "detail": "Detail"}


@click.command("list", cls=Command)
@click.option(
    "--account", "account_", metavar="ACCOUNT", help="Only this account's: its id, name or address."
)
@click.option("--environment", type=click.Choice([str(one) for one in Environment]), help="Only these.")
@click.option("--since", type=Instant(), help="Only invoices received since then.")
@click.option(
    "--status", type=click.Choice([str(one) for one in ValidationStatus]), help="Only of this worth."
)
@pass_front
def list_(
    front: Front,
    account_: str | None,
    environment: str | None,
    since: datetime | None,
    status: str | None,
) -> None:
    """Invoices, newest first."""
    with front.store.reading() as records:
        account_id = records.accounts.find(account_).id if account_ else None
    wanted: dict[str, Any] = {
        "account_id": account_id,
        "environment": Environment(environment) if environment else None,
        "since": since,
        "ids_from": ids_since(since, utc_now()),
        "status": ValidationStatus(status) if status else None,
    }

    def portion(records: Transaction, behind: Invoice | None, size: int) -> list[Invoice]:
        return records.invoices.portion(**wanted, behind=behind, size=size)

    rows = in_portions(front.store, portion, forms.invoice_forms)
    front.show(rows if front.json else map(_row, rows), COLUMNS, nothing="There is no such invoice.")


def _row(form: forms.Form) -> forms.Form:
    """An invoice as a row of a table."""
    return form | {
        "account": form["account"]["name"],
        "seller": form["seller"]["name"],
        "worth": form["validation"]["status"] if form["validation"] else "not validated",
        "total": " ".join(filter(None, [form["total_with_vat"], form["currency"]])) or None,
    }


@click.command(cls=Command)
@click.argument("invoice_id", metavar="ID")
@click.option("--html", is_flag=True, help="A readable page of an invoice for machines, instead.")
@click.option("--pdf", is_flag=True, help="The same page as a PDF.")
@click.option("--language", type=click.Choice(["de", "en"]), default="en", help="Of the page.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="PATH", help=_OUTPUT_HELP)
@pass_front
def show(front: Front, invoice_id: str, html: bool, pdf: bool, language: str, output: Path | None) -> None:
    """One invoice with everything known about it."""
    if html or pdf:
        name, page, invoice = _page(front, invoice_id, language, as_pdf=pdf)
        _hand_out(front, name, page, output, invoice, HistoryEventName.VIEWED)
        return
    with front.store.transaction() as records:
        invoice = records.invoices.get(invoice_id)
        [form] = forms.invoice_forms(records, [invoice])
        if invoice.reading is not None:
            records.history.add([_event(HistoryEventName.VIEWED, invoice)])
    front.show_one(form if front.json else form | {"validation": _worth(form["validation"])})


def _worth(validation: forms.Form | None) -> list[str]:
    """What an invoice is worth, in lines: the verdict, by which rules, and each finding with its place."""
    if validation is None:
        return ["not validated"]
    rules = ", ".join(one["id"] for one in validation["rule_sets"])
    first = f"{validation['status']} ({validation['class']})" + (f" by {rules}" if rules else "")
    return [first, *(_finding(one) for one in validation["findings"])]


def _finding(one: forms.Form) -> str:
    place = one["location"] or ""
    if one["line"]:
        place = f"{place}, line {one['line']}".removeprefix(", ")
    return f"{one['severity']} {one['rule']}: {one['text']}" + (f" ({place})" if place else "")


@click.command(cls=Command)
@click.argument("record_id", metavar="ID")
@pass_front
def history(front: Front, record_id: str) -> None:
    """The events of an invoice (or a mail), oldest first; nobody can edit them."""
    with front.store.reading() as records:
        _, events = _events(records, record_id)
    front.show(
        [forms.event_form(event) for event in events], HISTORY_COLUMNS, nothing="Nothing happened yet."
    )


@click.command(cls=Command)
@click.argument("record_id", metavar="ID")
@click.option(
    "--language",
    type=click.Choice([str(one) for one in Language]),
    default="en",
    show_default=True,
    help="English or German.",
)
@pass_front
def explain(front: Front, record_id: str, language: str) -> None:
    """The decisions about an invoice (or a mail) from receipt to now, in sentences."""
    with front.store.reading() as records:
        invoice, events = _events(records, record_id)
        mail = records.mails.get(invoice.mail_id if invoice else record_id)
        ids = {event.detail["account"] for event in events if "account" in event.detail}
        names = {key: account.name for key, account in records.accounts.by_ids(ids).items()}
        warnings = records.warnings.of([invoice.id]).get(invoice.id, []) if invoice else []
    explanation = Explanation(Language(language), mail, names)
    told = explanation.events(events)
    told += explanation.invoice(invoice, warnings) if invoice else explanation.mail()
    front.say("\n".join(told), {"id": record_id, "sentences": told})


@click.command(cls=Command)
@click.argument("record_id", metavar="ID")
@click.option("--original", is_flag=True, help="The mail as it came in, octet for octet; ID may be a mail's.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help=_OUTPUT_HELP,
)
@pass_front
def download(front: Front, record_id: str, original: bool, output: Path | None) -> None:
    """An invoice's document, or with --original the whole mail.

    The original is what was sent, below the one Received line that we put on top when it came in over SMTP.
    """
    name, content, invoice = _content(front, record_id, original=original)
    _hand_out(front, name, content, output, invoice, HistoryEventName.DOWNLOADED)


def _hand_out(
    front: Front,
    name: str,
    content: bytes,
    output: Path | None,
    invoice: Invoice | None,
    event: HistoryEventName,
) -> None:
    """Writes octets where the operator wants them, and the event to the invoice's history."""
    if str(output) == "-":
        sys.stdout.buffer.write(content)
        written = None
    else:
        written = _write(content, name, output)
    if invoice is not None:
        with front.store.transaction() as records:
            records.history.add([_event(event, invoice)])
    if written is not None:
        size, digest = len(content), hashlib.sha256(content).hexdigest()
        form = {"path": str(written), "name": name, "size": size, "sha256": digest}
        front.say(f"{size} octets written to {written}", form)


def _content(front: Front, record_id: str, *, original: bool) -> tuple[str, bytes, Invoice | None]:
    with front.store.reading() as records:
        try:
            invoice = records.invoices.get(record_id)
        except NotFound:
            if not original:
                raise
            return f"{record_id}.eml", _original(records, record_id), None
        if invoice.reading is None:
            raise NotFound(f"the content of invoice {record_id} was deleted on {invoice.deleted_at:%Y-%m-%d}")
        if original:
            return f"{invoice.mail_id}.eml", _original(records, invoice.mail_id), invoice
        octets = records.mails.octets(invoice.mail_id)
    document = invoice.reading.document
    try:
        with ReaderPool(1) as pool:
            content = pool.extract(octets, document.sha256)
    except RuntimeError as error:
        raise NotFound(
            f'"{document.name}" cannot be taken out of the mail: {error}; try --original'
        ) from None
    if content is None:
        raise NotFound(f'the mail holds no part "{document.name}"; try --original')
    return document.name, content, invoice


def _page(front: Front, invoice_id: str, language: str, *, as_pdf: bool) -> tuple[str, bytes, Invoice]:
    with front.store.reading() as records:
        invoice = records.invoices.get(invoice_id)
        if invoice.reading is None:
            raise NotFound(
                f"the content of invoice {invoice_id} was deleted on {invoice.deleted_at:%Y-%m-%d}"
            )
        octets = records.mails.octets(invoice.mail_id)
    document = invoice.reading.document
    try:
        with ReaderPool(1) as pool:
            page = pool.render(
                octets, document.sha256, language, number=invoice.invoice_number, as_pdf=as_pdf
            )
    except RuntimeError as error:
        raise NotFound(f'"{document.name}" cannot be shown: {error}; try download --original') from None
    if page is None:
        raise NotFound(f'"{document.name}" is no invoice for machines; `invoices download` has it as it is')
    return f"{Path(document.name).stem or 'invoice'}.{'pdf' if as_pdf else 'html'}", page, invoice


def _original(records: Transaction, mail_id: str) -> bytes:
    records.mails.get(mail_id)
    return records.mails.trace(mail_id) + records.mails.octets(mail_id)


def _write(content: bytes, name: str, output: Path | None) -> Path:
    name = _fitting(name)
    target = output or Path(name)
    if target.is_dir():
        target /= name
    # Only a name that the operator gave may replace a file; a document's name is the sender's choice.
    if target != output and target.exists():
        raise FileExistsError(f"{target} exists already; name another file with -o")
    if target.exists() and not target.is_file():
        target.write_bytes(content)  # /dev/null, a pipe: nothing that root may replace by a file
        return target
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as unfinished:
        try:
            unfinished.write(content)
            unfinished.flush()
            Path(unfinished.name).chmod(0o666 & ~_umask())
            Path(unfinished.name).replace(target)
        except OSError:
            Path(unfinished.name).unlink()
            raise
    return target


def _fitting(name: str) -> str:
    """The name as file systems take it, at most 255 octets; its ending stays."""
    if len(name.encode()) <= LONGEST_NAME_OCTETS:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending.encode()) > LONGEST_ENDING_OCTETS:
        stem, dot, ending = name, "", ""
    room = LONGEST_NAME_OCTETS - len(f"{dot}{ending}".encode())
    return f"{stem.encode()[:room].decode(errors='ignore')}{dot}{ending}"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _events(records: Transaction, record_id: str) -> tuple[Invoice | None, list[HistoryEvent]]:
    try:
        invoice = records.invoices.get(record_id)
    except NotFound:
        try:
            records.mails.get(record_id)
        except NotFound:
            raise NotFound(f"there is no invoice and no mail {record_id}") from None
        return None, records.history.of_mail(record_id)
    return invoice, records.history.of_invoice(record_id, invoice.mail_id)


def _event(name: HistoryEventName, invoice: Invoice) -> HistoryEvent:
    return HistoryEvent(
        at=utc_now(), event=name, actor=actor(), detail={}, mail_id=invoice.mail_id, invoice_id=invoice.id
    )
