"""`invoices revalidate`: holds invoices on record against the rules of today, and says what changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from cli.forms import Form
from cli.front import Command, Front, Instant, actor, pass_front, utc_now
from ingest.processing.validator import record_validation
from storage.errors import NotFound
from storage.records.invoices import Invoice
from storage.records.validation import Validation
from validation.examiners import ExaminationFailed, Examiners
from validation.rule_sets import is_installed

COLUMNS = {
    "invoice_number": "Number",
    "seller": "Seller",
    "before": "Before",
    "after": "After",
    "new": "New findings",
    "gone": "Gone findings",
    "id": "Id",
}
_NOT_INSTALLED = "the packages of requirements-validation.lock are not installed, so nothing can be validated"


@click.command(cls=Command)
@click.option(
    "--account", "account_", metavar="ACCOUNT", help="Only this account's: its id, name or address."
)
@click.option("--since", type=Instant(), help="Only invoices received since then.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@pass_front
def revalidate(front: Front, account_: str | None, since: datetime | None, dry_run: bool) -> None:
    """Holds invoices against the newest rules once more, and lists those that come out otherwise.

    Invoices that have no result yet get one. Needs the packages of requirements-validation.lock.
    """
    if not is_installed():
        raise ValueError(_NOT_INSTALLED)
    with front.store.reading() as records:
        account_id = records.accounts.find(account_).id if account_ else None
        invoices = [one for one in records.invoices.select(account_id=account_id, since=since) if one.reading]
    with Examiners(front.settings.validation.rules) as examiners:
        rows = list(_rows(front, invoices, examiners, dry_run=dry_run))
    verb = "would come" if dry_run else "come"
    if front.json:
        for row in rows:
            front.print_json(row)
        return
    if rows:
        front.show([_for_people(row) for row in rows], COLUMNS, nothing="")
    front.console.print(f"{len(rows)} of {len(invoices)} invoices {verb} out otherwise.")


def _rows(front: Front, invoices: list[Invoice], examiners: Examiners, *, dry_run: bool) -> Iterator[Form]:
    """What changes, an invoice at a time, each written before the next is looked at."""
    today = utc_now().date().isoformat()
    for invoice in invoices:
        try:
            with front.store.reading() as records:
                octets = records.mails.octets(invoice.mail_id)
        except NotFound:  # deleted meanwhile
            continue
        if invoice.reading is None:
            continue
        result = examiners.examine(octets, invoice.reading, today)
        if isinstance(result, ExaminationFailed):
            click.echo(f"Invoice {invoice.id} could not be examined: {result.reason}", err=True)
            continue
        if result == invoice.validation:
            continue
        if not dry_run:
            with front.store.transaction() as records:
                record_validation(
                    records, invoice.id, invoice.mail_id, result, at=utc_now(), by=actor(), again=True
                )
        yield _row(invoice, result)


def _row(invoice: Invoice, after: Validation) -> Form:
    before = invoice.validation
    rules_before = {one.rule for one in before.findings} if before else set()
    rules_after = {one.rule for one in after.findings}
    return {
        "id": invoice.id,
        "invoice_number": invoice.invoice_number,
        "seller": invoice.reading.terms.seller.name if invoice.reading else None,
        "before": _summary(before),
        "after": _summary(after),
        "new": sorted(rules_after - rules_before),
        "gone": sorted(rules_before - rules_after),
    }


def _summary(validation: Validation | None) -> dict[str, Any] | None:
    if validation is None:
        return None
    return {
        "status": validation.status,
        "class": validation.class_,
        "rule_sets": [one.id for one in validation.rule_sets],
    }


def _for_people(row: Form) -> Form:
    summaries = {key: row[key]["class"] if row[key] else "not validated" for key in ("before", "after")}
    return row | summaries
